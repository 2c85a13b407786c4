"""Ranges and ETags: of the uploaded file and of results."""

import gzip
from pathlib import Path
from typing import Any

import pytest
import zstandard

from api.results.responses import JSON
from api.routes.results import NDJSON, accepted
from api.web.conditional import NotSatisfiable, Part, is_known, wanted_part
from tests.support.deployments.service import Client, Service

TAG = '"abc"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-9", Part(0, 9)),
        ("bytes=90-", Part(90, 99)),
        ("bytes=-10", Part(90, 99)),
        ("bytes=-1000", Part(0, 99)),
        ("bytes=50-5000", Part(50, 99)),
        ("bytes=99-99", Part(99, 99)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=-0", None),
        ("bytes=0-" + "9" * 5000, None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_ranges_follow_the_standard(text: str, expected: Part | None) -> None:
    assert wanted_part({"range": text}, TAG, 100) == expected


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200"])
def test_a_range_past_the_end_is_refused(text: str) -> None:
    with pytest.raises(NotSatisfiable):
        wanted_part({"range": text}, TAG, 100)


def test_range_of_another_version_returns_the_whole_file() -> None:
    assert wanted_part({"range": "bytes=0-1", "if-range": '"old"'}, TAG, 100) is None
    assert wanted_part({"range": "bytes=0-1", "if-range": TAG}, TAG, 100) == Part(0, 1)


@pytest.mark.parametrize(
    ("held", "known"),
    [(TAG, True), (f'"x", {TAG}', True), (f"W/{TAG}", True), ("*", True), ('"x"', False), ("", False)],
)
def test_matching_etag_returns_304(held: str, known: bool) -> None:
    assert is_known({"if-none-match": held}, TAG) == known


@pytest.fixture(scope="module")
def done(service: Service, sample: Path) -> tuple[Client, dict[str, Any]]:
    client = service.client()
    return client, client.detect(sample, options={"every_n": 20})


def test_the_file_comes_in_ranges(done: tuple[Client, dict[str, Any]], sample: Path) -> None:
    client, job = done
    path, content = f"/videos/{job['video_id']}/content", sample.read_bytes()
    whole = client.request("GET", path)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.request("GET", path, headers={"Range": "bytes=1000-300999"})
    assert (part.status_code, part.content) == (206, content[1000:301000])
    assert part.headers["content-range"] == f"bytes 1000-300999/{len(content)}"
    past = client.request("GET", path, headers={"Range": f"bytes={len(content)}-"})
    assert past.headers["content-range"] == f"bytes */{len(content)}"
    assert past.status_code == 416
    assert past.json()["code"] == "range_not_satisfiable"
    held = client.request("GET", path, headers={"If-None-Match": whole.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


def test_results_of_an_ended_job_are_not_sent_twice(done: tuple[Client, dict[str, Any]]) -> None:
    client, job = done
    path = f"/jobs/{job['id']}/results"
    tags = set()
    for query in ({}, {"limit": 2}, {"label": "cat"}):
        for accept in ("application/json", "application/x-ndjson"):
            first = client.request("GET", path, params=query, headers={"Accept": accept})
            tag = first.headers["etag"]
            again = client.request("GET", path, params=query, headers={"Accept": accept, "If-None-Match": tag})
            assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
            tags.add(tag)
    assert len(tags) == 6


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=1, zstd;q=0.1", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("*", "zstd"),
        ("identity", None),
        ("br;q=1", None),
        ("", None),
    ],
)
def test_results_come_compressed_where_asked_for(
    done: tuple[Client, dict[str, Any]], accepted: str, encoding: str | None
) -> None:
    client, job = done
    plain = client.request("GET", f"/jobs/{job['id']}/results", headers={"Accept-Encoding": "identity"})
    with client.http.stream(
        "GET", f"/api/v1/jobs/{job['id']}/results", headers={"Accept-Encoding": accepted}
    ) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["etag"] != plain.headers["etag"] or encoding is None
    if encoding == "gzip":
        raw = gzip.decompress(raw)
    elif encoding == "zstd":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    assert raw == plain.content


def test_invalid_query_is_a_problem_in_both_formats(done: tuple[Client, dict[str, Any]]) -> None:
    client, job = done
    for accept in ("application/json", "application/x-ndjson"):
        options = {"params": {"label": "unicorn"}, "headers": {"Accept": accept}}
        assert "unicorn" in client.problem("GET", f"/jobs/{job['id']}/results", 422, "invalid_input", **options)


@pytest.mark.parametrize(
    "query", [{"min_score": "nan"}, {"from_ms": "nan"}, {"to_ms": "inf"}, {"to_frame": str(2**64)}, {"cursor": "²-0"}]
)
def test_nan_and_infinity_are_refused(done: tuple[Client, dict[str, Any]], query: dict[str, str]) -> None:
    client, job = done
    for accept in ("application/json", "application/x-ndjson"):
        response = client.request("GET", f"/jobs/{job['id']}/results", params=query, headers={"Accept": accept})
        assert response.status_code in (400, 422), response.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/html", JSON),
        ("application/x-ndjson", NDJSON),
        ("Application/X-NDJSON", NDJSON),
        ("application/json;q=0.4, application/x-ndjson;q=0.5", NDJSON),
        ("application/json, application/x-ndjson;q=0.5", JSON),
        ("application/x-ndjson;q=0", JSON),
        (";;q=x,,/", JSON),
    ],
)
def test_format_follows_the_accept_header(accept: str, kind: str) -> None:
    assert accepted(accept) == kind
