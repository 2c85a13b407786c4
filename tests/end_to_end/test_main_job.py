"""The main job: a clip in, its objects out."""

import json
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.deployments.service import Client, Service
from tests.support.reference import iou, sequential
from tests.support.videos.sample_variants import subtitled
from tests.support.waiting import until

pytestmark = pytest.mark.every_mode

MIN_SCORE = 0.35
# Of the clip, where its beginning says as much as the whole: a person, then a cat.
STARTED = 60
START = {"end_ms": STARTED * 40}


@pytest.fixture(scope="module")
def frames(done: tuple[Client, dict[str, Any]]) -> list[dict[str, Any]]:
    client, job = done
    return client.frames(job, limit=100)


def test_every_object_of_the_sample_is_detected_at_its_position(
    frames: list[dict[str, Any]], truth: dict[str, Any]
) -> None:
    labels = set()
    for scene in truth["scenes"]:
        for number in range(scene["first_frame"], scene["last_frame"] + 1):
            found = frames[number]["detections"]
            if scene["label"] is None:
                assert found == [], f"frame {number}"
                continue
            place = scene["boxes"][number - scene["first_frame"]]
            best = max(found, key=lambda item: item["score"])
            assert best["label"] == scene["label"], f"frame {number}: {found}"
            assert iou(best["box"], place) >= 0.5, f"frame {number}: {best} is not at {place}"
            labels.add(best["label"])
    assert labels >= {"person", "cat", "cup"}


def test_every_frame_is_present_once_with_its_time(frames: list[dict[str, Any]], sample: Path) -> None:
    with av.open(str(sample)) as container:
        times = [1000 * (frame.time or 0.0) for frame in container.decode(video=0)]
    assert [frame["frame"] for frame in frames] == list(range(len(times)))
    assert [frame["time_ms"] for frame in frames] == pytest.approx(times, abs=0.001)


def test_subtitles_change_nothing(
    done: tuple[Client, dict[str, Any]], frames: list[dict[str, Any]], sample: Path, tmp_path: Path
) -> None:
    client, _ = done
    job = client.detect(subtitled(sample, tmp_path / "film.mkv"), options=START)
    assert job["state"] == "succeeded", job
    assert [frame["detections"] for frame in client.frames(job)] == [one["detections"] for one in frames[:STARTED]]
    video = client.call("GET", f"/videos/{job['video_id']}", 200)
    assert video["media"]["container"] == "matroska"
    until(lambda: client.call("GET", f"/videos/{job['video_id']}", 200)["links"]["poster"])


def test_results_equal_a_plain_loop_frame_by_frame(frames: list[dict[str, Any]], sample: Path) -> None:
    """Within the rounding that is promised (score 4 decimals, box 2) and the engine's own."""
    plain = sequential(sample, MIN_SCORE - 0.01)
    assert len(plain) == len(frames)
    compared = 0
    for frame, (_, expected) in zip(frames, plain, strict=True):
        for one, others in ((frame["detections"], expected), (expected, frame["detections"])):
            for item in one:
                score = item["score"] if isinstance(item, dict) else item.score
                if score >= MIN_SCORE + 0.001:
                    assert any(_same(item, other) for other in others), f"frame {frame['frame']}: {item}"
                    compared += 1
    assert compared > 200


def test_lines_are_the_same_frames_and_always_the_same_bytes(
    done: tuple[Client, dict[str, Any]], frames: list[dict[str, Any]]
) -> None:
    client, job = done
    lines = client.lines(job)
    assert [json.loads(line) for line in lines.splitlines()] == frames
    assert client.lines(job) == lines
    assert client.lines(job, limit=7) == b"".join(lines.splitlines(keepends=True)[:7])


def test_filters_equal_client_side_filtering(done: tuple[Client, dict[str, Any]], frames: list[dict[str, Any]]) -> None:
    client, job = done
    queries: list[dict[str, Any]] = [
        {"label": ["cat"]},
        {"min_score": 0.6},
        {"label": ["cat", "person"], "min_score": 0.5},
    ]
    for query in queries:
        labels = query.get("label")
        expected = []
        for frame in frames:
            kept = [
                item
                for item in frame["detections"]
                if (labels is None or item["label"] in labels) and item["score"] >= query.get("min_score", 0)
            ]
            if kept:
                expected.append({**frame, "detections": kept})
        assert client.frames(job, limit=50, **query) == expected
        assert expected
    middle = frames[len(frames) // 2]["time_ms"]
    assert client.frames(job, from_ms=middle) == [frame for frame in frames if frame["time_ms"] >= middle]
    assert client.frames(job, to_ms=middle) == [frame for frame in frames if frame["time_ms"] < middle]


def test_summary_equals_a_count_over_the_frames(
    done: tuple[Client, dict[str, Any]], frames: list[dict[str, Any]]
) -> None:
    client, job = done
    summary = client.call("GET", f"/jobs/{job['id']}/summary", 200)
    assert summary["frames"] == len(frames)
    assert summary["seconds"] > 0
    assert summary["ms_per_frame"] > 0
    assert summary["frames_inferred"] == summary["frames"]
    assert summary["detector_cpu_seconds"] > 0
    counts: dict[str, list[int]] = {}
    for frame in frames:
        present = [item["label"] for item in frame["detections"]]
        for label in {item["label"] for item in frame["detections"]}:
            counts.setdefault(label, [0] * len(frames))[frame["frame"]] = present.count(label)
    for label, per_frame in counts.items():
        most = max(per_frame)
        assert summary["labels"][label] == {
            "detections": sum(per_frame),
            "frames": sum(count > 0 for count in per_frame),
            "max_in_frame": most,
            "max_at_ms": frames[per_frame.index(most)]["time_ms"],
        }
    assert set(summary["labels"]) == set(counts)
    assert summary["top_labels"] == sorted(counts, key=lambda label: -sum(counts[label]))[:3]


def test_job_options_are_applied(service: Service, sample: Path, frames: list[dict[str, Any]]) -> None:
    client = service.client()
    job = client.detect(sample, model="nanodet-g", options=START | {"min_score": 0.6, "labels": ["cat", "person"]})
    found = client.frames(job)
    assert sum(len(frame["detections"]) for frame in found) > 10
    for frame, every in zip(found, frames[:STARTED], strict=True):
        wanted = [item for item in every["detections"] if item["label"] in ("cat", "person") and item["score"] >= 0.6]
        assert frame["detections"] == wanted


def test_upload_and_start_in_one_call(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        options = json.dumps(START | {"labels": ["cat"]})
        response = client.request("POST", "/detect", files={"video": file}, data={"options": options})
    assert response.status_code == 202
    job = client.wait(client.call("GET", response.headers["location"], 200))
    assert job["state"] == "succeeded"
    assert (job["options"]["min_score"], job["options"]["labels"]) == (0.35, ["cat"])
    assert list(client.call("GET", f"/jobs/{job['id']}/summary", 200)["labels"]) == ["cat"]


def test_a_deleted_job_and_a_deleted_video_leave_nothing(service: Service, client: Client, sample: Path) -> None:
    before = service.settled_files()
    job = client.detect(sample, options=START)
    assert any(job["id"] in name for name in service.stored_files())
    client.call("DELETE", f"/jobs/{job['id']}", 204)
    assert not any(job["id"] in name for name in service.stored_files())
    client.problem("GET", f"/jobs/{job['id']}/results", 404, "not_found")
    again = client.wait(client.start({"id": job["video_id"]}, options=START))
    client.call("DELETE", f"/videos/{job['video_id']}", 204)
    client.problem("GET", f"/jobs/{again['id']}", 404, "not_found")
    service.expect_files(before)


def _same(one: Any, other: Any) -> bool:
    (class_a, score_a, box_a), (class_b, score_b, box_b) = _parts(one), _parts(other)
    close = all(abs(a - b) <= 0.1 for a, b in zip(box_a, box_b, strict=True))
    return class_a == class_b and abs(score_a - score_b) <= 0.001 and close


def _parts(item: Any) -> tuple[int, float, Any]:
    if isinstance(item, dict):
        return item["class_id"], item["score"], item["box"]
    return item.class_id, item.score, item.box
