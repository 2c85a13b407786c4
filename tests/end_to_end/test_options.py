"""The options of a job, each of which would show if it were ignored."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.service import Client
from tests.support.reference import sequential

LAST_MS = 212 * 40


@pytest.fixture(scope="module")
def client(done: tuple[Client, dict[str, Any]]) -> Client:
    return done[0]


@pytest.fixture(scope="module")
def video(done: tuple[Client, dict[str, Any]]) -> dict[str, Any]:
    return {"id": done[1]["video_id"]}


@pytest.fixture(scope="module")
def every(done: tuple[Client, dict[str, Any]]) -> list[dict[str, Any]]:
    client, job = done
    return client.frames(job)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"every_n": 7}, range(0, 212, 7)),
        ({"sample_fps": 2.5}, range(0, 212, 10)),
        ({"start_ms": 1000, "end_ms": 1720}, range(25, 43)),
        ({"start_ms": 1001, "end_ms": 1721}, range(26, 44)),
        ({"every_n": 10, "start_ms": 7000}, range(180, 212, 10)),
    ],
    ids=str,
)
def test_sampled_frames_equal_those_of_the_whole_video(
    client: Client, video: dict[str, Any], every: list[dict[str, Any]], options: dict[str, Any], numbers: range
) -> None:
    job = client.wait(client.start(video, options=options))
    assert job["state"] == "succeeded"
    assert job["progress"]["frames_total"] == len(numbers)
    assert client.frames(job, limit=4) == [every[number] for number in numbers]
    assert client.call("GET", f"/jobs/{job['id']}/summary", 200)["frames"] == len(numbers)


def test_few_frames_are_inferred_and_the_others_filled_in(
    client: Client, video: dict[str, Any], every: list[dict[str, Any]]
) -> None:
    job = client.wait(client.start(video, options={"frames": "balanced"}))
    assert job["options"]["frames"] == "balanced"
    frames = client.frames(job)
    assert [(frame["frame"], frame["time_ms"]) for frame in frames] == [(one["frame"], one["time_ms"]) for one in every]
    inferred = [frame for frame in frames if "filled" not in frame]
    assert inferred == [every[frame["frame"]] for frame in inferred] == client.frames(job, filled="false", limit=7)
    assert len(inferred) < len(frames) / 3
    assert client.call("GET", f"/jobs/{job['id']}/summary", 200)["frames_inferred"] == len(inferred)
    table = client.request("GET", f"/jobs/{job['id']}/export", params={"format": "csv", "filled": "true"}).text
    objects = sum(len(frame["detections"]) for frame in frames if "filled" in frame)
    assert objects > len(frames) / 2
    assert table.splitlines()[0].endswith(",filled")
    assert [row.rsplit(",", 1)[1] for row in table.splitlines()[1:]] == ["true"] * objects


def test_model_sees_only_the_region(client: Client, video: dict[str, Any], sample: Path) -> None:
    region = [0.25, 0.125, 1.0, 0.875]
    job = client.wait(client.start(video, options={"region": region, "every_n": 8, "min_score": 0.4}))
    frames = client.frames(job)
    plain = sequential(sample, 0.39, region=(120, 44, 480, 316), every_n=8)
    assert len(frames) == len(plain)
    for frame, (_, expected) in zip(frames, plain, strict=True):
        for item in frame["detections"]:
            assert item["box"][0] >= 120
            assert item["box"][1] >= 44
            assert item["box"][3] <= 316
            near = [other for other in expected if other.class_id == item["class_id"]]
            gaps = [abs(other.score - item["score"]) for other in near]
            assert gaps, f"frame {frame['frame']}: {item} is not found by the plain loop"
            assert min(gaps) < 0.03
    assert sum(len(frame["detections"]) for frame in frames) > 10


def test_time_range_without_frames_fails_with_the_reason(client: Client, video: dict[str, Any]) -> None:
    job = client.wait(client.start(video, options={"start_ms": LAST_MS}))
    assert job["state"] == "failed"
    assert job["error"]["code"] == "invalid_options"
    assert "the video ends at" in job["error"]["detail"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"every_n": 0}, "every_n"),
        ({"every_n": 2, "sample_fps": 1}, "sample_fps"),
        ({"sample_fps": -1}, "sample_fps"),
        ({"start_ms": 5, "end_ms": 5}, "start_ms"),
        ({"region": [0.5, 0, 0.5, 1]}, "region"),
        ({"region": [0, 0, 2, 1]}, "region"),
        ({"region": [0, 0, 1]}, "region"),
        ({"masks": True}, "nanodet-g does not support masks"),
    ],
)
def test_invalid_options_are_refused(client: Client, video: dict[str, Any], options: dict[str, Any], says: str) -> None:
    response = client.request("POST", "/jobs", json={"video_id": video["id"], "options": options})
    assert response.status_code == 422
    assert says in response.json()["detail"]
