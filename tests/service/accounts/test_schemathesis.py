"""Every operation of the spec with good and bad data: never a 5xx, never an answer that the spec does not have."""

import pytest

from tests.support.deployments.service import Client, Service
from tests.support.hostile.api import explore

EXAMPLES = 2
# Without each bound of each value, good and bad, one by one: thousands of requests.
QUICK = "examples,fuzzing,stateful"


@pytest.mark.parametrize("phases", [QUICK, pytest.param("coverage", marks=pytest.mark.long)])
def test_the_api_answers_as_its_spec_says(service: Service, phases: str) -> None:
    if complaint := explore(service, seed=1, examples=EXAMPLES, phases=phases):
        pytest.fail(complaint, pytrace=False)


@pytest.mark.parametrize("path", ["/jobs/null,null/renditions/annotated", "/videos/null,null/renditions/poster"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_malformed_id_returns_404(client: Client, method: str, path: str) -> None:
    client.problem(method, path, 404, "not_found")
    if method == "GET":
        client.problem(method, f"{path}/content", 404, "not_found")
