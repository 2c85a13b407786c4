"""Series and appearances over HTTP, compared with the results that they are computed from."""

import math
from pathlib import Path
from typing import Any

import pytest

from api.results.appearances import Interval
from tests.support.deployments.service import Client, Service
from tests.support.results.example_results import Seen
from tests.unit.api.test_appearances import plain


@pytest.fixture(scope="module")
def done(service: Service, sample: Path) -> tuple[Client, dict[str, Any], list[dict[str, Any]]]:
    client = service.client()
    job = client.detect(sample)
    return client, job, client.frames(job)


def test_the_series_of_a_job_counts_its_results(done: tuple[Client, dict[str, Any], list[dict[str, Any]]]) -> None:
    client, job, frames = done
    series = client.call("GET", f"/jobs/{job['id']}/series", 200, params={"buckets": 20, "min_score": 0.5})
    assert (series["complete"], series["frontier_ms"], sum(series["frames"])) == (True, None, len(frames))
    assert len(series["frames"]) == math.ceil((series["to_ms"] - series["from_ms"]) / series["bucket_ms"])
    for label, shown in series["labels"].items():
        for i, (most, mean, number) in enumerate(zip(shown["max"], shown["mean"], series["frames"], strict=True)):
            start, end = (series["from_ms"] + k * series["bucket_ms"] for k in (i, i + 1))
            counts = [
                sum(item["label"] == label and item["score"] >= 0.5 for item in frame["detections"])
                for frame in frames
                if start <= frame["time_ms"] < end
            ]
            assert (most, mean, number) == (max(counts), round(sum(counts) / number, 3), len(counts))
    assert {"person", "cat", "cup"} <= set(series["labels"])


def test_series_has_an_etag_and_is_compressed(done: tuple[Client, dict[str, Any], list[dict[str, Any]]]) -> None:
    client, job, _ = done
    path = f"/jobs/{job['id']}/series"
    first = client.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    held = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]}
    assert client.request("GET", path, headers=held).status_code == 304
    assert client.request("GET", path, params={"buckets": 7}, headers=held).status_code == 200


def test_invalid_series_query_is_refused(
    done: tuple[Client, dict[str, Any], list[dict[str, Any]]], service: Service
) -> None:
    client, job, _ = done
    path = f"/jobs/{job['id']}/series"
    assert "unicorn" in client.problem("GET", path, 422, "invalid_input", params={"label": "unicorn"})
    backwards = {"from_ms": 2000, "to_ms": 1000}
    assert "before" in client.problem("GET", path, 422, "invalid_input", params=backwards)
    for wrong in ({"from_ms": "nan"}, {"to_ms": "1e300"}, {"buckets": 0}, {"buckets": 4001}):
        assert client.request("GET", path, params=wrong).status_code in (400, 422)
    service.client().problem("GET", path, 404, "not_found")


def test_appearances_match_the_results(service: Service, sample: Path) -> None:
    client = service.client()
    job = client.detect(sample)
    path, frames = f"/jobs/{job['id']}/appearances", client.frames(job)
    seen = [
        Seen(frame["frame"], frame["time_ms"], tuple((0, 10_000) for _ in of_label))
        for frame in frames
        if (of_label := [item for item in frame["detections"] if item["label"] == "cat" and item["score"] >= 0.4])
    ]
    expected = plain(seen, "cat", 0.0, 200.0)
    assert expected
    query = {"label": "cat", "min_score": 0.4, "gap_ms": 200}
    answer = client.call("GET", path, 200, params=query)
    assert answer["next_cursor"] is None
    assert [_of(item) for item in answer["items"]] == expected
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        back = client.call("GET", path, 200, params={**query, "direction": "previous", "limit": 1, **cursor})
        found += back["items"]
        if back["next_cursor"] is None:
            break
        cursor = {"cursor": back["next_cursor"]}
    assert [_of(item) for item in found] == expected[::-1]
    first = client.request("GET", path, params=query)
    held = {"If-None-Match": first.headers["etag"]}
    assert client.request("GET", path, params=query, headers=held).status_code == 304
    _refuses(client, path, cursor.get("cursor", "1-x"))


def _refuses(client: Client, path: str, cursor: str) -> None:
    assert "unicorn" in client.problem("GET", path, 422, "invalid_input", params={"label": "unicorn"})
    client.problem("GET", path, 422, "invalid_cursor", params={"label": "dog", "cursor": cursor})
    for wrong in (
        {},
        {"label": "cat", "direction": "up"},
        {"label": "cat", "gap_ms": -1},
        {"label": "cat", "limit": 0},
    ):
        assert client.request("GET", path, params=wrong).status_code in (400, 422)


def _of(item: dict[str, Any]) -> Interval:
    fields = {name: value for name, value in item.items() if name != "label"}
    return Interval(**fields)
