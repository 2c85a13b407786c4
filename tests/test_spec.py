"""The spec is valid, names an example of every error, and each of its operations has code."""

import importlib

import openapi_spec_validator
import pytest

from tests.service import SPEC, Client, Service

OPERATIONS = [
    (method, path, operation)
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]


def test_the_spec_is_valid_openapi() -> None:
    openapi_spec_validator.validate(SPEC)


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_operation_has_code_and_says_how_it_fails(method: str, path: str, operation: dict[str, object]) -> None:
    module, name = str(operation["operationId"]).rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))
    responses = operation["responses"]
    assert isinstance(responses, dict)
    assert "default" in responses
    assert operation["summary"]


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_operation_but_the_open_ones_wants_a_token(
    service: Service, method: str, path: str, operation: dict[str, object]
) -> None:
    if operation.get("security") == []:
        return
    nobody = "00000000-0000-0000-0000-000000000000"
    address = path.replace("{video_id}", nobody).replace("{job_id}", nobody)
    Client(service.url).problem(method.upper(), address, 401, "unauthenticated")


def test_what_is_not_in_the_spec_is_a_problem_too(service: Service, client: Client) -> None:
    client.problem("GET", "/nonsense", 404, "not_found")
    client.problem("PUT", "/videos", 405, "method_not_allowed")
    client.problem("GET", "/videos/not-an-id", 404, "not_found")
    client.problem("GET", "/videos", 400, "malformed_request", params={"limit": "many"})
    client.problem("POST", "/jobs", 415, "unsupported_media_type", content=b"a=b", headers={"Content-Type": "text/x"})


def test_a_document_that_is_far_too_large_is_refused(client: Client) -> None:
    client.problem("POST", "/jobs", 413, "upload_too_large", json={"video_id": "x" * 2_000_000})


def test_health_needs_no_token(service: Service) -> None:
    stranger = Client(service.url)
    assert stranger.http.get("/healthz").json() == {"status": "alive"}
    ready = stranger.http.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["workers"]["processor"] >= 1
    assert ready["workers"]["detector"] >= 1
