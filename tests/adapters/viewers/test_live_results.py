"""Results, picture and recordings of a running stream: a real api process and a real Valkey."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.tables import Recording, Stream, new_id, utcnow
from contracts.live import keys
from contracts.live.plans import kept
from contracts.live.results import FIELD
from contracts.wire.messages import Options, Plan, encode
from tests.support.live.live_api import Watcher
from tests.support.live.live_stream import H264, JPEG, RAW, LiveStream, time_ms


@pytest.fixture(scope="module")
def stream(watcher: Watcher) -> LiveStream:
    """A stream with 1200 results; class and score depend on the number."""
    made = watcher.stream()
    for number in range(1, 1201):
        made.result(number, class_id=number % 2, score=number / 1200)
    return made


def page(watcher: Watcher, stream: LiveStream, **query: Any) -> dict[str, Any]:
    answer = watcher.call("GET", f"/streams/{stream.id}/results", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["complete"] is False
    return found


def numbers(found: dict[str, Any]) -> list[int]:
    return [frame["frame"] for frame in found["frames"]]


def test_pages_follow_one_another_and_go_on_with_what_comes(watcher: Watcher) -> None:
    stream = watcher.stream()
    for number in range(1, 8):
        stream.result(number)
    first = page(watcher, stream, limit=5)
    assert first["frames"][0] == {
        "frame": 1,
        "time_ms": time_ms(1),
        "detections": [{"label": "person", "class_id": 0, "score": 0.5, "box": [1.0, 2.0, 3.0, 4.0]}],
    }
    second = page(watcher, stream, limit=5, cursor=first["next_cursor"])
    assert numbers(first) + numbers(second) == list(range(1, 8))
    third = page(watcher, stream, cursor=second["next_cursor"])
    assert third["frames"] == []
    stream.result(8)
    assert numbers(page(watcher, stream, cursor=third["next_cursor"])) == [8]


def test_all_pages_together_hold_each_frame_once(watcher: Watcher, stream: LiveStream) -> None:
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        found = page(watcher, stream, limit=700, **cursor)
        if not found["frames"]:
            break
        seen += numbers(found)
        cursor = {"cursor": found["next_cursor"]}
    assert seen == list(range(1, 1201))


def test_filters(watcher: Watcher, stream: LiveStream) -> None:
    between = page(watcher, stream, from_ms=time_ms(700), to_ms=time_ms(703))
    assert numbers(between) == [700, 701, 702]
    assert between["next_cursor"] is None
    assert numbers(page(watcher, stream, label="bicycle", limit=3)) == [1, 3, 5]
    assert numbers(page(watcher, stream, min_score=1198.5 / 1200)) == [1199, 1200]
    refused = watcher.call("GET", f"/streams/{stream.id}/results", params={"label": "x"})
    assert refused.status_code == 422
    first = page(watcher, stream, limit=3)
    other = watcher.call(
        "GET", f"/streams/{stream.id}/results", params={"cursor": first["next_cursor"], "label": "cup"}
    )
    assert other.json()["code"] == "invalid_cursor"


def test_lines(watcher: Watcher, stream: LiveStream) -> None:
    answer = watcher.call(
        "GET", f"/streams/{stream.id}/results", headers={"Accept": "application/x-ndjson"}, params={"limit": 1100}
    )
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["frame"] for line in answer.text.splitlines()] == list(range(1, 1101))
    head = watcher.call("HEAD", f"/streams/{stream.id}/results")
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", "no-store")


def test_results_of_another_model_have_its_labels(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.result(1)
    gone = Plan("gone", "", "openvino", "fp32", Options())
    watcher.api.redis.hset(keys.plans(stream.id), "2", encode(gone))
    stream.result(2, plan=2, class_id=3)
    stream.result(3)
    assert [frame["detections"][0]["label"] for frame in page(watcher, stream)["frames"]] == [
        "person",
        "class 3",
        "person",
    ]
    assert numbers(page(watcher, stream, label="person")) == [1, 3]


def test_results_of_a_later_release_are_left_out(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.result(1)
    for _ in range(600):  # more than are read at once
        watcher.api.redis.xadd(keys.results(stream.id), {FIELD: b"of a later release"})
    stream.result(2)
    assert numbers(page(watcher, stream)) == [1, 2]
    assert numbers(page(watcher, stream, from_ms=time_ms(2))) == [2]


def test_results_keep_their_labels_when_another_model_gets_the_id(watcher: Watcher) -> None:
    stream = watcher.stream()
    made_by = Plan("nanodet-g", "of before", "openvino", "fp32", Options())
    watcher.api.redis.hset(keys.plans(stream.id), "2", kept(made_by, ("forklift",)))
    stream.result(1, plan=2)
    stream.result(2)
    labels = [frame["detections"][0]["label"] for frame in page(watcher, stream)["frames"]]
    assert labels == ["forklift", "person"]


def test_frames_that_are_shown_in_another_order_than_decoded_come_by_time(watcher: Watcher) -> None:
    stream = watcher.stream()
    for number, shown in ((1, 1), (3, 2), (4, 3), (2, 4)):
        stream.result(number, pts=shown * 3000)
    first = page(watcher, stream, limit=2)
    second = page(watcher, stream, cursor=first["next_cursor"])
    assert numbers(first) + numbers(second) == [1, 3, 4, 2]


def test_times_begin_anew_with_the_stream(watcher: Watcher) -> None:
    stream = watcher.stream()
    for number in range(1, 4):
        stream.result(number, arrival=time.time() - 30)
    before = page(watcher, stream, limit=2)
    with Session(watcher.api.engine) as session, session.begin():
        started = utcnow() - timedelta(seconds=10)
        session.execute(update(Stream).where(Stream.id == stream.id).values(started_at=started))
    assert numbers(page(watcher, stream)) == []
    stream.result(1)
    assert numbers(page(watcher, stream)) == [1]
    stale = watcher.call("GET", f"/streams/{stream.id}/results", params={"cursor": before["next_cursor"]})
    assert stale.json()["code"] == "invalid_cursor"


def test_the_picture_of_jpegs_is_the_newest_one(watcher: Watcher) -> None:
    stream = watcher.stream(JPEG)
    address = f"/streams/{stream.id}/snapshot"
    stream.packet()
    first = watcher.call("GET", address)
    newest = stream.packet()
    answer = watcher.call("GET", address)
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", newest.data)
    assert answer.headers["etag"] != first.headers["etag"]
    known = watcher.call("GET", address, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = watcher.call("HEAD", address)
    assert (head.headers["content-length"], head.content) == (str(len(newest.data)), b"")


def test_the_picture_of_a_video_codec_is_its_newest_keyframe_as_mp4(watcher: Watcher) -> None:
    stream = watcher.stream()
    key = stream.packet(key=True)
    stream.packet()
    answer = watcher.call("GET", f"/streams/{stream.id}/snapshot")
    assert (answer.headers["content-type"], answer.content) == ("video/mp4", H264.init + key.head + key.data)


@pytest.mark.parametrize("config", [H264, RAW], ids=["no packet yet", "a codec that browsers cannot show"])
def test_without_a_picture_the_reason_is_told(watcher: Watcher, config: Any) -> None:
    stream = watcher.stream(config)
    if config is RAW:
        stream.packet(key=True)
    answer = watcher.call("GET", f"/streams/{stream.id}/snapshot")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_picture")
    assert (RAW.codec in answer.text) == (config is RAW)


def test_recordings_are_listed_newest_first(watcher: Watcher) -> None:
    stream, other = watcher.stream(), watcher.stream()
    ids = [new_id() for _ in range(3)]
    with Session(watcher.api.engine) as session, session.begin():
        for number, of in enumerate((stream, stream, other)):
            session.add(
                Recording(
                    id=ids[number],
                    stream_id=of.id,
                    user_id=watcher.id,
                    state="open",
                    start=0,
                    started_at=utcnow() + timedelta(seconds=number),
                    instance="ingest-1",
                )
            )
    first = watcher.call("GET", f"/streams/{stream.id}/recordings", params={"limit": 1}).json()
    assert [one["id"] for one in first["items"]] == [ids[1]]
    assert first["items"][0]["state"] == "open"
    cursor = {"cursor": first["next_cursor"]}
    second = watcher.call("GET", f"/streams/{stream.id}/recordings", params=cursor).json()
    assert ([one["id"] for one in second["items"]], second["next_cursor"]) == ([ids[0]], None)
    stranger = watcher.api.user()
    assert stranger.call("GET", f"/streams/{stream.id}/recordings").status_code == 404
