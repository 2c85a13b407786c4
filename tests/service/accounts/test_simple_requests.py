"""Requests that anybody can send by mistake, and what each may cost: a client error and no more."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.support.deployments.service import SPEC, Client, Service

NOBODY = "00000000-0000-0000-0000-000000000000"
JSON_OPERATIONS = [
    (method.upper(), re.sub(r"{\w+}", NOBODY, path))
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if "requestBody" in operation and "octet-stream" not in str(operation) and "multipart" not in str(operation)
]
# Beside the operations of the spec: the web UI and the API docs, for anybody, and counted for nobody.
OUTSIDE = ["/", "/sign-in", "/favicon.svg", "/docs", "/docs/", "/docs/swagger-ui.css", "/openapi.json", "/openapi.yaml"]
CPU_SECONDS = 0.02


@pytest.mark.parametrize(("method", "path"), JSON_OPERATIONS)
def test_a_body_without_its_type_is_answered_415(client: Client, method: str, path: str) -> None:
    assert len(JSON_OPERATIONS) >= 8
    body = {"username": client.username, "password": client.password}
    for kind in (None, "", "json", ";", "a/b/c", "text/plain"):
        headers = {} if kind is None else {"Content-Type": kind}
        request = client.http.build_request(method, path, content=json.dumps(body).encode(), headers=headers)
        answer = client.http.send(request)
        if "users" in path:  # for administrators
            assert answer.status_code == 403
        else:
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind


def test_parameters_of_the_type_are_no_matter(service: Service, client: Client) -> None:
    body = json.dumps({"username": client.username, "password": client.password}).encode()
    for kind in ('application/json; x="a/b"', "application/json;charset=latin-1", "APPLICATION/JSON ; a"):
        Client(service.url).call("POST", "/auth/login", 200, content=body, headers={"Content-Type": kind})


def test_numbers_that_the_tables_do_not_hold_are_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for value in ("9" * 30, "9" * 400, "1e999", "NaN"):
        body = f'{{"video_id": "{NOBODY}", "options": {{"start_ms": {value}}}}}'.encode()
        client.problem("POST", "/jobs", 400, "malformed_request", content=body, headers=headers)


@pytest.mark.parametrize(
    "options",
    [
        json.dumps({"labels": ["common"] * 20_000}),
        '{"every_n": 100000000000000000000}',
        '{"labels": ["\\ud800"]}',
        '{"model": "\\ud800"}',
        '{"start_ms": ' + "9" * 400 + "}",
    ],
    ids=["labels", "number", "label", "model", "digits"],
)
def test_options_of_a_form_that_are_refused_leave_nothing_behind(client: Client, sample: Path, options: str) -> None:
    with sample.open("rb") as file:
        client.problem(
            "POST", "/detect", 422, "invalid_options",
            files={"video": file}, data={"options": options}, headers={"Idempotency-Key": "x"},
        )  # fmt: skip
    assert client.call("GET", "/videos", 200)["items"] == []


def test_a_range_of_5000_digits_is_ignored(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    answer = client.request("GET", f"/videos/{video['id']}/content", headers={"Range": "bytes=" + "9" * 5000 + "-"})
    assert (answer.status_code, answer.content) == (200, sample.read_bytes())


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_outside_of_the_spec_costs_next_to_nothing(service: Service, path: str) -> None:
    """Anybody may ask for it, as often as they like."""
    processes = service.processes("gunicorn")

    def spent() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    with httpx.Client(base_url=service.url) as http:
        assert http.get(path).status_code in (200, 307)
        assert http.post(path).status_code in (404, 405)
        before = spent()
        for _ in range(20):
            http.get(path)
        assert spent() - before < 20 * CPU_SECONDS


@pytest.mark.parametrize("name", ["openapi.json", "openapi.yaml"])
def test_the_spec_is_a_file_with_a_tag(service: Service, name: str) -> None:
    answer = httpx.get(f"{service.url}/{name}")
    if name.endswith("json"):
        assert answer.json() == json.loads(json.dumps(SPEC))
    else:
        assert "operationId: api.routes.auth.login" in answer.text
    held = httpx.get(f"{service.url}/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    assert httpx.head(f"{service.url}/{name}").headers["content-length"] == str(len(answer.content))
