"""Faults between a camera and its boxes: an ingest and a detector on a real Valkey, and a camera that misbehaves."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contracts.live import keys
from contracts.live.results import LiveFrame, decode
from contracts.live.streams import TICKS_PER_SECOND, RecordingOptions, StreamState
from tests.adapters.live.conftest import DATABASE
from tests.support.live.ingests import Ingests, ingests
from tests.support.live.live_detector import LiveDetector, environ
from tests.support.live.live_sources import MJPEG, children
from tests.support.models import tiny_model
from tests.support.servers.byte_server import Route, Web, chunked
from tests.support.servers.disk import filled, small_disk
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip, reordered
from tests.support.videos.live import jpegs, multipart, sliced
from tests.support.waiting import until

PACE_SECONDS = 0.04
NETWORKS = "127.0.0.0/8"
RECORDED = RecordingOptions(minutes=1)


class Camera:
    """A web server that answers the n-th connection with the n-th route, and every further one with the last. What a
    route sends is sent at a camera's pace, until `ended`."""

    def __init__(self, web: Web) -> None:
        self.ended = threading.Event()
        self._web = web

    def serve(self, *routes: Route) -> str:
        """Its address."""
        waiting = list(routes)

        def answer(connection: socket.socket) -> None:
            (waiting.pop(0) if len(waiting) > 1 else waiting[0])(connection)

        return self._web.serve("/camera", answer)

    def sends(
        self, *parts: Sequence[bytes], kind: str, again: bool = False, until_seen: Callable[[int], bool] | None = None
    ) -> Route:
        """A route: the pieces of each part. again: over and over. until_seen: waits at the end of the n-th part (1, 2,
        ...) until it says so."""

        def paced() -> Iterator[bytes]:
            while True:
                for number, pieces in enumerate(parts, 1):
                    for piece in pieces:
                        if self.ended.wait(PACE_SECONDS):
                            return
                        yield piece
                    while until_seen and not until_seen(number) and not self.ended.wait(PACE_SECONDS):
                        pass
                if not again:
                    return

        return lambda connection: chunked(paced(), kind)(connection)


@pytest.fixture
def camera() -> Iterator[Camera]:
    with Web() as web:
        made = Camera(web)
        try:
            yield made
        finally:
            made.ended.set()


@pytest.fixture
def bench(valkey: Valkey, detector: LiveDetector, tmp_path: Path) -> Iterator[Ingests]:
    """An ingest whose storage is a small disk."""
    with small_disk(tmp_path / "disk", "4m"), ingests(valkey, DATABASE, tmp_path) as made:
        made.start(STREAM_ALLOW_NETWORKS=NETWORKS, STORAGE_DIR=str(tmp_path / "disk" / "storage"))
        yield made
        for stream_id in made.specs:
            made.registry.remove(stream_id)
        until(lambda: not made.owners())


def results(bench: Ingests, stream_id: str) -> list[LiveFrame]:
    found: Any = bench.redis.xrange(keys.results(stream_id))
    return [decode(fields[b"r"]) for _, fields in found]


def more(bench: Ingests, stream_id: str, count: int = 10) -> None:
    """Wait for further results."""
    before = results(bench, stream_id)[-1:]
    last = before[0].pts if before else -1
    until(lambda: sum(frame.pts > last for frame in results(bench, stream_id)) >= count)


def test_another_size_clock_and_codec_and_a_start_inside_a_group_come_through_to_the_boxes(
    bench: Ingests, camera: Camera
) -> None:
    """With B-frames; the second part has times of its own, and the third another codec on another connection."""
    small, large = clip("mpegts", frames=48), clip("mpegts", frames=48, size=(320, 192))
    assert reordered(small)
    inside = small.content[(len(small.content) // 188 // 8) * 188 :]
    parts = sliced(inside, 40), sliced(large.content, 48)
    pictures = multipart(jpegs(20, (64, 48)))
    published: list[str] = []

    def sizes() -> list[tuple[int, int]]:
        found = [(frame.width, frame.height) for stream_id in published for frame in results(bench, stream_id)]
        return [size for number, size in enumerate(found) if number == 0 or found[number - 1] != size]

    address = camera.serve(
        camera.sends(*parts, kind="video/mp2t", until_seen=lambda number: len(sizes()) >= number),
        camera.sends(pictures, kind=MJPEG, again=True),
    )
    stream_id = bench.publish(kind="http", address=address, model=tiny_model.ID)
    published.append(stream_id)
    until(lambda: len(sizes()) == 3)
    assert sizes() == [(160, 96), (320, 192), (64, 48)]
    frames = results(bench, stream_id)
    assert all(later.pts > earlier.pts for earlier, later in pairwise(frames)), "one clock for all"
    assert frames[-1].pts - frames[0].pts < 30 * TICKS_PER_SECOND
    more(bench, stream_id)

    def told() -> bool:  # once a second
        seen = bench.seen(stream_id)
        return seen is not None and (seen.state, seen.codec, seen.reconnects) == (StreamState.LIVE, "mjpeg", 1)

    until(told)


def test_frames_of_a_slow_camera_come_whole(bench: Ingests, camera: Camera) -> None:
    """Whose bytes trickle: each frame in many pieces, none of which begins with it."""
    pieces = sliced(b"".join(multipart(jpegs(20))), 109)
    address = camera.serve(camera.sends(pieces, kind=MJPEG, again=True))
    stream_id = bench.publish(kind="http", address=address, model=tiny_model.ID)
    more(bench, stream_id, 5)
    assert {(frame.width, frame.height) for frame in results(bench, stream_id)} == {(160, 96)}

    def told() -> bool:  # once a second
        seen = bench.seen(stream_id)
        return seen is not None and (seen.state, seen.reconnects, seen.dropped) == (StreamState.LIVE, 0, {})

    until(told)


def test_a_stream_that_never_connected_is_stopped_at_once_and_leaves_nothing(bench: Ingests, camera: Camera) -> None:
    let_go = threading.Event()

    def silent(connection: socket.socket) -> None:
        connection.settimeout(30)
        assert not connection.recv(1)
        let_go.set()

    stream_id = bench.publish(kind="http", address=camera.serve(silent), model=tiny_model.ID)
    until(lambda: bench.state(stream_id) is StreamState.CONNECTING)
    bench.publish(stream_id, wanted="stopped")
    until(lambda: not bench.seen(stream_id) and let_go.is_set())
    assert not children()


def test_a_full_disk_stops_the_recording_with_its_reason_and_nothing_else(
    bench: Ingests, camera: Camera, tmp_path: Path
) -> None:
    address = camera.serve(camera.sends(multipart(jpegs(20)), kind=MJPEG, again=True))
    stream_id = bench.publish(kind="http", address=address, model=tiny_model.ID, record=RECORDED)
    until(lambda: (seen := bench.seen(stream_id)) is not None and seen.recording)
    more(bench, stream_id)
    with filled(tmp_path / "disk"):
        until(lambda: (seen := bench.seen(stream_id)) is not None and seen.recording_error == "storage_full")
        more(bench, stream_id)
        seen = bench.seen(stream_id)
        assert seen
        assert (seen.state, seen.recording, seen.dropped) == (StreamState.LIVE, None, {})


def test_results_and_recording_go_on_when_redis_is_restarted_empty(
    camera: Camera, models: Path, tmp_path: Path
) -> None:
    address = camera.serve(camera.sends(multipart(jpegs(20)), kind=MJPEG, again=True))
    with Valkey(tmp_path) as own, ingests(own, 1, tmp_path) as bench, LiveDetector(environ(own, 1, models)):
        bench.start(STREAM_ALLOW_NETWORKS=NETWORKS)
        stream_id = bench.publish(kind="http", address=address, model=tiny_model.ID, record=RECORDED)
        until(lambda: (seen := bench.seen(stream_id)) is not None and seen.recording)
        more(bench, stream_id)
        before = bench.seen(stream_id)
        assert before

        def recorded() -> list[Path]:  # once a second
            return [path for path in tmp_path.rglob(f"*{before.recording}*") if path.is_file()]

        until(recorded)
        (written,) = recorded()
        sealed = bench.registry.sealed_address(stream_id)
        own.restart(empty=True)
        until(lambda: bench.seen(stream_id))
        bench.registry.publish(bench.specs[stream_id], sealed)  # as the processor does
        more(bench, stream_id)
        after = bench.seen(stream_id)
        assert after
        assert (after.recording, after.reconnects) == (before.recording, 0)
        size = written.stat().st_size
        until(lambda: written.stat().st_size > size)
