"""The spec is valid, names an example of every error, and each of its operations has code."""

import importlib
import json
import re

import openapi_spec_validator
import pytest

from tests.support.deployments.service import SPEC, Client, Service

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
    address = re.sub(r"\{\w+_id\}", nobody, path)
    if method == "head":  # its answers have no body
        assert Client(service.url).http.head(address).status_code == 401
        return
    Client(service.url).problem(method.upper(), address, 401, "unauthenticated")


def test_what_is_not_in_the_spec_is_a_problem_too(service: Service, client: Client) -> None:
    client.problem("GET", "/nonsense", 404, "not_found")
    client.problem("PUT", "/videos", 405, "method_not_allowed")
    client.problem("GET", "/videos/not-an-id", 404, "not_found")
    client.problem("GET", "/videos", 400, "malformed_request", params={"limit": "many"})
    client.problem("POST", "/jobs", 415, "unsupported_media_type", content=b"a=b", headers={"Content-Type": "text/x"})


@pytest.mark.parametrize("path", SPEC["paths"])
def test_what_cannot_be_done_is_answered_with_all_that_can(service: Service, client: Client, path: str) -> None:
    """Only what is named is answered, HEAD too, with anything but 405; streams of events have no end."""
    address = re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000000", path)
    refused = client.http.request("TRACE", address)
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    declared = {method.upper() for method in SPEC["paths"][path] if method != "parameters"}
    told = refused.headers["allow"].split(", ")
    assert sorted(told) == sorted(declared | ({"HEAD"} if "GET" in declared else set()))
    assert client.http.request("OPTIONS", address).status_code == (204 if "OPTIONS" in told else 405)
    if not path.endswith("/events"):
        assert (client.http.head(address).status_code == 405) == ("HEAD" not in told)


def test_a_document_that_is_far_too_large_is_refused(client: Client) -> None:
    client.problem("POST", "/jobs", 413, "upload_too_large", json={"video_id": "x" * 2_000_000})


def test_health_needs_no_token(service: Service) -> None:
    stranger = Client(service.url)
    assert stranger.http.get("/healthz").json() == {"status": "alive"}
    ready = stranger.http.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["workers"]["processor"] >= 1
    assert ready["workers"]["detector"] >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"[" * 100_000,
        b"1" * 5000,
        b'{"username": "\\ud800aaa", "password": "correct-horse"}',
        b'{"\\ud800": 1}',
    ],
    ids=["no utf-8", "deep", "long number", "half a pair", "half a pair as a name"],
)
def test_a_body_that_is_no_json_is_the_clients_fault(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    Client(service.url).problem("POST", "/auth/login", 400, "malformed_request", content=body, headers=headers)


def test_null_is_no_object_not_even_where_none_is_needed(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    nobody = "00000000-0000-0000-0000-000000000000"
    for method, path in (
        ("POST", "/auth/login"), ("POST", "/auth/refresh"), ("PUT", f"/jobs/{nobody}/renditions/annotated"),
    ):  # fmt: skip
        assert "null" in client.problem(method, path, 422, "invalid_input", content=b"null", headers=headers)


def test_media_types_ignore_case(service: Service, client: Client) -> None:
    body = json.dumps({"username": client.username, "password": client.password}).encode()
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    Client(service.url).call("POST", "/auth/login", 200, content=body, headers=headers)


def test_a_name_does_not_end_with_a_newline(service: Service) -> None:
    body = {"username": "newline\n", "password": "correct-horse"}
    Client(service.url).problem("POST", "/auth/register", 422, "invalid_input", json=body)


def test_control_characters_in_a_path_lead_nowhere(client: Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"/videos/{nobody}%0a", f"/videos/{nobody}%0a/content", "/videos%00"):
        client.problem("GET", path, 404, "not_found")


@pytest.mark.parametrize("cursor", ["0001-01-01T00:00:00+23:00_x", "²-0", "x" * 128])
def test_a_cursor_that_is_none_is_refused_by_lists(client: Client, cursor: str) -> None:
    for path in ("/videos", "/jobs"):
        client.problem("GET", path, 422, "invalid_cursor", params={"cursor": cursor})
