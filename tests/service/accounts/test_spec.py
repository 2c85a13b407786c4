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
def test_every_operation_is_implemented_and_documents_its_errors(
    method: str, path: str, operation: dict[str, object]
) -> None:
    module, name = str(operation["operationId"]).rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))
    responses = operation["responses"]
    assert isinstance(responses, dict)
    assert "default" in responses
    assert operation["summary"]


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_operation_except_open_ones_requires_a_token(
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


def test_unknown_paths_return_a_problem(service: Service, client: Client) -> None:
    client.problem("GET", "/nonsense", 404, "not_found")
    client.problem("PUT", "/videos", 405, "method_not_allowed")
    client.problem("GET", "/videos/not-an-id", 404, "not_found")
    client.problem("GET", "/videos", 400, "malformed_request", params={"limit": "many"})
    client.problem("POST", "/jobs", 415, "unsupported_media_type", content=b"a=b", headers={"Content-Type": "text/x"})


@pytest.mark.parametrize("path", SPEC["paths"])
def test_method_not_allowed_lists_the_allowed_methods(service: Service, client: Client, path: str) -> None:
    """Only what is named is answered, HEAD too, with anything but 405."""
    address = re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000000", path)
    refused = client.http.request("TRACE", address)
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    declared = {method.upper() for method in SPEC["paths"][path] if method != "parameters"}
    told = refused.headers["allow"].split(", ")
    assert sorted(told) == sorted(declared | ({"HEAD"} if "GET" in declared else set()))
    assert client.http.request("OPTIONS", address).status_code == (204 if "OPTIONS" in told else 405)
    assert (client.http.head(address).status_code == 405) == ("HEAD" not in told)


def test_oversized_json_body_is_refused(client: Client) -> None:
    client.problem("POST", "/jobs", 413, "upload_too_large", json={"video_id": "x" * 2_000_000})


def test_health_checks_need_no_token(service: Service) -> None:
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
def test_invalid_json_is_a_client_error(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    Client(service.url).problem("POST", "/auth/login", 400, "malformed_request", content=body, headers=headers)


def test_null_body_is_refused_even_where_the_body_is_optional(client: Client) -> None:
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


def test_user_name_with_a_trailing_newline_is_refused(service: Service) -> None:
    body = {"username": "newline\n", "password": "correct-horse"}
    Client(service.url).problem("POST", "/auth/register", 422, "invalid_input", json=body)


def test_control_characters_in_a_path_return_404(client: Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"/videos/{nobody}%0a", f"/videos/{nobody}%0a/content", "/videos%00"):
        client.problem("GET", path, 404, "not_found")


@pytest.mark.parametrize("cursor", ["0001-01-01T00:00:00+23:00_x", "²-0", "x" * 128])
def test_lists_refuse_invalid_cursors(client: Client, cursor: str) -> None:
    for path in ("/videos", "/jobs"):
        client.problem("GET", path, 422, "invalid_cursor", params={"cursor": cursor})
