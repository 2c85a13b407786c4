"""Requests that anybody can send by mistake, and what each may cost: a client error and no more."""

import http.client
import json
import re
import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.deployments.service import SPEC, Client, Service

NOBODY = "00000000-0000-0000-0000-000000000000"
JSON_OPERATIONS = [
    (method.upper(), re.sub(r"{\w+}", NOBODY, path.replace("{kind}", "annotated")))
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if "requestBody" in operation and "octet-stream" not in str(operation) and "multipart" not in str(operation)
]
# Beside the operations of the spec: the web UI and the API docs, for anybody, and counted for nobody.
OUTSIDE = ["/", "/sign-in", "/favicon.svg", "/docs", "/docs/", "/openapi.json", "/openapi.yaml"]
CPU_SECONDS = 0.02
ODD_PATHS = [
    "/%ED%A0%80",
    "/api/v1/videos/%ED%A0%80",
    "/api/v1/jobs?search=%ED%A0%80%00",
    "/api/v1/jobs?limit=" + "9" * 3000,
    "/api/v1/jobs?limit=%C2%B2",
    "/docs/%00",
    "/docs/" + "a" * 3000,
    "/docs/%2e%2e/%2e%2e/etc/passwd",
    "/assets/" + "a" * 3000,
    "//",
]
ODD_HEADERS = [
    "Content-Type: \xff/\xff",
    "Content-Type: multipart/form-data; boundary=\xff",
    "Accept: \xff/\xff;q=x",
    "Accept-Encoding: gzip;q=nan, *;q=\xff",
    "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJcdWQ4MDAifQ.x",
    "Authorization: \xff",
    "Cookie: wd_access=\xed\xa0\x80; =; ;;",
    "If-None-Match: " + "W/" * 2000,
    "Idempotency-Key: \xff\x80",
    "Origin: \xff",
    "Range: bytes=\xb2-\xb3",
    "Tus-Resumable: \xff",
    "Upload-Metadata: \xff \xff,,",
    "X-Forwarded-For: \xff,,,",
    "X-HTTP-Method-Override: \xff",
]


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
        answer = http.get(path, follow_redirects=True)
        assert answer.status_code == 200
        assert http.post(path).status_code in (404, 405)
        named = re.findall(r'(?:src|href)="([^":]+)"', answer.text) if "html" in answer.headers["content-type"] else []
        for address in (path, *(str(answer.url.join(name)) for name in named)):
            for _ in range(4):  # each process reads a file once
                http.get(address)
            before = spent()
            for _ in range(10):
                assert http.get(address).status_code in (200, 307)
            assert spent() - before < 10 * CPU_SECONDS, address


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


def status(service: Service, method: str, path: str, *headers: str) -> int:
    """The status of the answer to a request that no client library would send."""
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "Content-Length: 2", *headers)
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall("\r\n".join((*lines, "", "{}")).encode("latin-1"))
        return int(connection.recv(100).split()[1])


def test_odd_requests_are_no_internal_errors(service: Service) -> None:
    for path in ODD_PATHS:
        for method in ("GET", "HEAD", "POST"):
            assert status(service, method, path) < 500, (method, path[:100])
    for header in ODD_HEADERS:
        for path in ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/uploads", "/openapi.json", "/"):
            assert status(service, "GET" if path[1:5] != "api/" else "POST", path, header) < 500, (path, header)


@pytest.mark.parametrize(
    ("path", "header", "code"),
    [
        ("/" + "a" * 9000, "", "uri_too_long"),
        ("/", "a" * 9000, "headers_too_large"),
        ("/ x y", "", "malformed_request"),
    ],
)
def test_what_the_server_refuses_by_itself_is_a_problem_like_any_other(
    service: Service, path: str, header: str, code: str
) -> None:
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=30)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: {header}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        problem = json.loads(answer.read())
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (answer.status, code)
    assert problem["title"]
    assert problem["detail"]


def test_an_answer_before_the_body_leaves_the_connection_usable(service: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    with closing(connection):
        connection.putrequest("PUT", "/api/v1/auth/password")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "2")
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 401
        answer.read()
        of_first = connection.sock
        connection.send(b"{}")
        connection.request("GET", "/openapi.json")
        answer = connection.getresponse()
        assert (answer.status, connection.sock) == (200, of_first)
        answer.read()
