"""HEAD: the headers of GET, at once, without reading or holding what GET would."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from api.notify.event_hub import STREAMS_PER_USER
from api.routes import downloads
from tests.support.deployments.service import SPEC, Client, Service

PATHS = [path for path, item in SPEC["paths"].items() if "get" in item]
QUERIES = {"/export": {"format": "ndjson"}, "/appearances": {"label": "cat"}, "/frame": {"frame": "0"}}
# What says when, which request it was, how much is left, and how long a body is that is made while it is sent.
OTHERWISE = {"date", "traceparent", "content-length", "transfer-encoding", "ratelimit-remaining", "ratelimit-reset"}


@pytest.fixture(scope="module")
def done(service: Service, sample: Path) -> tuple[Client, dict[str, Any]]:
    client = service.client()
    job = client.detect(sample, options={"every_n": 20})
    service.settled_files()  # with the poster, of which answers tell
    return client, job


@pytest.mark.parametrize("path", PATHS)
def test_head_is_answered_with_the_headers_of_get_alone(done: tuple[Client, dict[str, Any]], path: str) -> None:
    client, job = done
    kind = "annotated" if "{job_id}" in path else "poster"
    names = {"video_id": job["video_id"], "job_id": job["id"], "kind": kind, "track_id": "1"}
    address = re.sub(r"{(\w+)}", lambda match: names.get(match[1], "00000000-0000-0000-0000-000000000000"), path)
    query = next((query for end, query in QUERIES.items() if path.endswith(end)), {})
    for _ in range(STREAMS_PER_USER + 1 if path.endswith("/events") else 1):
        head = client.http.head(address, params=query, timeout=10)
    with client.http.stream("GET", address, params=query) as get:
        assert head.status_code == get.status_code
        assert head.content == b""
        assert without(head.headers) == without(get.headers)
        if "content-length" in get.headers and get.status_code == 200:
            assert head.headers.get("content-length", "") in ("", get.headers["content-length"])
    if head.status_code != 200:
        assert head.status_code in (403, 404, 409), path  # of other roles, absent, not ready yet


def without(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OTHERWISE}


def test_head_of_a_file_does_not_open_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise AssertionError("it is opened")

    monkeypatch.setattr(
        downloads, "context", SimpleNamespace(current=lambda: SimpleNamespace(storage=SimpleNamespace(open=fail)))
    )
    scope = {"type": "http", "method": "HEAD", "path": "/", "headers": [(b"range", b"bytes=10-19")]}
    answer = anyio.run(downloads.stored, Request(scope), "key", 100, '"tag"', "video/mp4")
    assert (answer.status_code, answer.body, answer.headers["content-length"]) == (206, b"", "10")
    assert answer.headers["content-range"] == "bytes 10-19/100"
