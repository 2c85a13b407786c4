"""The runner: states, reconnects, silence, failures; and what it passes on."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from contracts.live.recordings import RecordingEnd, RecordingOpened
from contracts.live.streams import DropReason, Reason, RecordingOptions, StreamOptions, StreamSpec, StreamState
from ingest import backoff, pipeline, runner
from ingest.packaging.clock import StreamClock
from ingest.packaging.packager import Position
from ingest.packaging.recorder import Ended, Recorder
from ingest.pipeline import Pipeline
from ingest.runner import Runner
from ingest.sources.port import SourceFailed
from tests.support.live.scripted_source import CONFIG, Camera, MemoryDeliveries, MemoryPackets, ScriptedSource, picture
from tests.support.traces.recorded_steps import kept

SPEC = StreamSpec("stream", "user", "rtsp", 1, time.time() - 10, "nanodet-g")
LOST = SourceFailed(Reason.LOST, "the camera closed the connection")
SILENT_SECONDS = 0.05


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(runner, "_GRACE_SECONDS", 0)
    monkeypatch.setattr(runner, "_REDIS_SECONDS", 0.001)
    monkeypatch.setattr(pipeline, "_PAUSE_SECONDS", 0)


class Bench:
    """A runner and what it writes to."""

    def __init__(self, camera: Camera, executor: ThreadPoolExecutor, spec: StreamSpec, **options: Any) -> None:
        self.packets, self.deliveries = options.pop("packets", None) or MemoryPackets(), MemoryDeliveries()
        self.holds = True
        recorder = Recorder(spec.id, spec.user_id, "ingest", spec.record)
        self.pipeline = Pipeline(spec.started_at, self.packets, recorder, self.deliveries, executor, lambda: self.holds)
        self.runner = Runner("ingest", spec, camera, self.pipeline, SILENT_SECONDS, **options)

    def play(
        self, until: Callable[[], object], then: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> bool | None:
        """Run until it is true; what `run` returned, None where it was cancelled."""

        async def steps() -> bool | None:
            task = asyncio.create_task(self.runner.run())
            async with asyncio.timeout(60):
                while not until() and not task.done():
                    await asyncio.sleep(0.001)
            assert until(), self.runner.presence()
            if then:
                await then()
            task.cancel()
            with suppress(asyncio.CancelledError):
                return await task
            return None

        return asyncio.run(steps())

    @property
    def seen(self) -> tuple[StreamState, str]:
        found = self.runner.presence()
        return found.state, found.reason


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with ThreadPoolExecutor(1) as executor:
        yield lambda camera, spec=SPEC, **options: Bench(camera, executor, spec, **options)


def test_a_stream_is_live_from_its_first_packet_on(bench: Callable[..., Bench]) -> None:
    source = ScriptedSource([CONFIG, picture(lost=2, wall=time.time() - 0.5), picture(lost=1)])
    made = bench(Camera(source))
    assert made.seen == (StreamState.CONNECTING, "")
    made.play(lambda: len(made.packets.packets) == 2)
    found = made.runner.presence()
    assert (found.state, found.reason, found.detail) == (StreamState.LIVE, "", "")
    assert (found.codec, found.width, found.height, found.mime) == ("mjpeg", 64, 48, "image/jpeg")
    assert found.dropped == {DropReason.NETWORK: 3}
    assert found.lag_ms == pytest.approx(500, abs=250)
    assert found.fps > 0
    assert found.kbps > 0
    assert source.is_closed


def test_a_camera_that_never_answers_is_tried_again_and_says_why(bench: Callable[..., Bench]) -> None:
    away = SourceFailed(Reason.UNREACHABLE, "no answer from the address")
    camera = Camera(*(ScriptedSource([], away) for _ in range(4)))
    made = bench(camera)
    made.play(lambda: len(camera.made) >= 4)
    assert made.seen == (StreamState.CONNECTING, Reason.UNREACHABLE)
    assert made.runner.presence().detail == "no answer from the address"
    assert all(source.is_closed for source in camera.made)
    assert not made.packets.items


def test_a_lost_source_is_connected_anew_and_its_stream_goes_on(bench: Callable[..., Bench]) -> None:
    first, second = (ScriptedSource([CONFIG, picture(), picture(), LOST]), ScriptedSource([CONFIG, picture()]))
    made = bench(Camera(first, second))
    made.play(lambda: len(made.packets.packets) == 3)
    packets = made.packets.packets
    assert [packet.number for packet in packets] == [0, 1, 2]
    assert [packet.restart for packet in packets] == [False, False, True]
    assert sorted({packet.pts for packet in packets}) == [packet.pts for packet in packets]
    assert (made.seen, made.runner.presence().reconnects) == ((StreamState.LIVE, ""), 1)
    assert first.is_closed


def test_while_a_source_is_lost_the_stream_is_reconnecting(bench: Callable[..., Bench]) -> None:
    camera = Camera(
        ScriptedSource([CONFIG, picture(), LOST]), ScriptedSource([], SourceFailed(Reason.UNREACHABLE, "x"))
    )
    made = bench(camera)
    made.play(lambda: made.seen == (StreamState.RECONNECTING, Reason.UNREACHABLE))
    since = made.runner.presence().since
    assert since <= time.time()


def test_a_silent_source_is_closed_and_connected_anew(bench: Callable[..., Bench]) -> None:
    silent = ScriptedSource([CONFIG, picture(), None])
    made = bench(Camera(silent, ScriptedSource([CONFIG, picture()])))
    told: list[tuple[StreamState, str]] = []
    made.play(lambda: told.append(made.seen) or len(made.packets.packets) == 2)  # type: ignore[func-returns-value]
    assert (StreamState.RECONNECTING, Reason.SILENT) in told
    assert silent.is_closed


def test_a_source_that_hangs_while_it_is_opened_is_given_up(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_OPEN_SECONDS", 0.02)
    hanging = ScriptedSource([], hangs=True)
    made = bench(Camera(hanging))
    made.play(lambda: made.seen == (StreamState.CONNECTING, Reason.UNREACHABLE))
    assert hanging.is_closed


@pytest.mark.parametrize("where", ["at its making", "at its opening", "later"])
def test_what_no_further_try_can_help_stays_failed(bench: Callable[..., Bench], where: str) -> None:
    failure = SourceFailed(Reason.UNAUTHORIZED, "user name or password are wrong", permanent=True)
    sources: dict[str, Any] = {
        "at its making": failure,
        "at its opening": ScriptedSource([], failure),
        "later": ScriptedSource([CONFIG, picture(), failure]),
    }
    camera = Camera(sources[where])
    made = bench(camera)
    assert made.play(lambda: made.seen == (StreamState.FAILED, Reason.UNAUTHORIZED)) is True, "the stream is kept"
    assert len(camera.made) == (where != "at its making")


def test_a_sender_that_leaves_ends_the_runner(bench: Callable[..., Bench]) -> None:
    left = SourceFailed(Reason.WAITING_FOR_SENDER, "the sender has left")
    made = bench(Camera(ScriptedSource([CONFIG, picture(), left])), reconnects=False)
    ended = (StreamState.CONNECTING, Reason.WAITING_FOR_SENDER)
    assert made.play(lambda: made.seen == ended) is False, "the stream is given back"


def test_a_source_that_waits_for_its_sender_is_read_again_at_once(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 1000)
    waiting = SourceFailed(Reason.WAITING_FOR_SENDER, "no image was sent")
    camera = Camera(ScriptedSource([waiting]), ScriptedSource([waiting]), ScriptedSource([None]))
    made = bench(camera)
    made.play(lambda: len(camera.made) == 3)
    assert made.seen == (StreamState.CONNECTING, Reason.WAITING_FOR_SENDER)


def test_a_fault_in_a_source_is_logged_without_its_text(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    broken = ScriptedSource([ValueError("rtsp://admin:hunter22@camera/ is odd")])
    made = bench(Camera(broken, ScriptedSource([CONFIG, picture()])))
    with caplog.at_level(logging.INFO):
        made.play(lambda: made.seen[0] is StreamState.LIVE)
    assert "ValueError" in caplog.text
    assert "hunter22" not in caplog.text


def test_without_redis_packets_are_dropped_and_their_readers_start_anew(bench: Callable[..., Bench]) -> None:
    pictures: list[Any] = [CONFIG, picture(), picture(), picture()]
    made = bench(Camera(ScriptedSource(pictures)))

    async def steps() -> None:
        await made.pipeline.begin()
        await made.pipeline.accept(CONFIG)
        await made.pipeline.accept(picture())
        made.packets.is_away = True
        for _ in range(3):
            await made.pipeline.accept(picture())
        made.packets.is_away = False
        made.packets.items.clear()  # Redis came back empty
        await made.pipeline.accept(picture())
        await made.pipeline.accept(picture())

    asyncio.run(steps())
    config, *packets = made.packets.items
    assert config == made.pipeline.config
    assert [(one.number, one.restart) for one in made.packets.packets] == [(4, True), (5, False)]
    assert len(packets) == 2


def test_an_ingest_that_may_have_lost_its_stream_writes_nothing(bench: Callable[..., Bench]) -> None:
    made = bench(Camera(ScriptedSource([CONFIG, picture(), picture()])))
    made.holds = False
    made.play(lambda: made.seen[0] is StreamState.LIVE)
    assert not made.packets.items


def test_a_runner_begins_when_redis_answers_and_goes_on_where_another_ended(bench: Callable[..., Bench]) -> None:
    ticks = 90_000 * 3600
    packets = MemoryPackets(Position(17, 3, ticks, time.time()))
    packets.is_away = True
    made = bench(Camera(ScriptedSource([CONFIG, picture()])), packets=packets)

    async def comes_back() -> None:
        packets.is_away = False
        while not packets.packets:
            await asyncio.sleep(0.001)

    made.play(lambda: True, comes_back)
    (packet,) = packets.packets
    assert (packet.number, packet.config, packet.restart) == (17, 4, True)
    assert packet.pts >= ticks


def test_what_an_earlier_run_of_the_stream_left_is_removed(bench: Callable[..., Bench]) -> None:
    packets = MemoryPackets(Position(17, 3, 90_000 * 3600, SPEC.started_at - 1))
    made = bench(Camera(ScriptedSource([CONFIG, picture()])), packets=packets)
    made.play(lambda: packets.packets)
    assert packets.cleared == 1
    assert packets.packets[0].number == 0
    assert packets.packets[0].pts < 90_000 * 3600


RECORDED = StreamSpec("stream", "user", "rtsp", 1, SPEC.started_at, "nanodet-g", record=RecordingOptions())


def opened(made: Bench) -> list[RecordingOpened]:
    return [action for action in made.deliveries.actions if isinstance(action, RecordingOpened)]


def ended(made: Bench) -> list[RecordingEnd]:
    return [action.reason for action in made.deliveries.actions if isinstance(action, Ended)]


def test_recordings_end_with_their_source_and_their_options(bench: Callable[..., Bench]) -> None:
    made = bench(Camera(ScriptedSource([])), RECORDED)
    changed = StreamSpec("stream", "user", "rtsp", 2, SPEC.started_at, "tiny", record=RecordingOptions())
    without = StreamSpec("stream", "user", "rtsp", 3, SPEC.started_at, "tiny", StreamOptions(min_score=0.5))

    async def steps() -> None:
        await made.pipeline.begin()
        await made.pipeline.accept(CONFIG)
        await made.pipeline.accept(picture())
        assert made.runner.presence().recording
        made.pipeline.reconnected()
        assert made.runner.presence().recording is None
        await made.pipeline.accept(CONFIG)
        await made.pipeline.accept(picture())
        made.runner.change(changed)  # another model: results of one plan in a recording
        await made.pipeline.accept(picture())
        made.runner.change(without)
        await made.pipeline.accept(picture())
        await made.runner.end(RecordingEnd.STOPPED, forget=True)

    asyncio.run(steps())
    assert len(opened(made)) == 3
    assert ended(made) == [RecordingEnd.LOST, RecordingEnd.ROLLED, RecordingEnd.STOPPED]
    assert made.packets.cleared == 2  # at its begin, and at its end


def test_after_a_failure_for_good_the_end_of_a_recording_is_still_written(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_RECORD_SECONDS", 0.01)
    refused = SourceFailed(Reason.UNAUTHORIZED, "user name or password are wrong", permanent=True)
    made = bench(Camera(ScriptedSource([CONFIG, picture(), refused])), RECORDED)

    async def steps() -> None:
        assert await made.runner.run() is True
        while not ended(made):
            assert await asyncio.to_thread(made.deliveries.delivered.acquire, timeout=60)
        await made.runner.end(RecordingEnd.STOPPED, forget=False)

    asyncio.run(steps())
    assert ended(made) == [RecordingEnd.LOST]


def test_a_recording_is_ended_where_the_storage_takes_too_long(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_HELD_BYTES", 3000)
    made = bench(Camera(ScriptedSource([])), RECORDED)

    async def steps() -> None:
        await made.pipeline.begin()
        await made.pipeline.accept(CONFIG)
        for _ in range(50):
            await made.pipeline.accept(picture())
        assert made.runner.presence().recording is None
        assert made.runner.presence().recording_error == "storage_unavailable"
        await made.runner.end(RecordingEnd.STOPPED, forget=False)

    asyncio.run(steps())
    assert (len(opened(made)), ended(made)) == (1, [RecordingEnd.STORAGE_FULL])
    assert len(made.packets.packets) == 50, "the stream goes on"


def test_waits_double_and_begin_anew_after_a_steady_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.5)
    made = backoff.Backoff()
    waits = [made.after(0.1) for _ in range(12)]
    for number, wait in enumerate(waits):
        most = min(0.5 * 2**number, backoff.MOST_SECONDS)
        assert most / 2 <= wait <= most
    assert made.after(backoff.STEADY_SECONDS) <= 0.5


def test_a_picture_that_is_read_again_after_a_take_over_has_a_time_of_its_own() -> None:
    clock = StreamClock(100.0, not_before=90_000)
    assert clock.times(None, None, 100.5) == (90_000, 90_000)
    assert clock.times(None, None, 100.5) == (90_001, 90_001)
    assert clock.times(None, None, 102.0) == (180_000, 180_000)


def test_each_session_of_a_source_is_a_trace_of_its_own(bench: Callable[..., Bench]) -> None:
    away, left = SourceFailed(Reason.UNREACHABLE, "x"), SourceFailed(Reason.WAITING_FOR_SENDER, "x")
    camera = Camera(
        ScriptedSource([CONFIG, picture(), LOST]),
        ScriptedSource([], away),
        ScriptedSource([CONFIG, picture(), left]),
        ScriptedSource([], left),  # nobody sends
        ScriptedSource([CONFIG, picture()]),
    )
    made = bench(camera)
    with kept() as recorded:
        made.play(lambda: len(made.packets.packets) == 3)
    lost, unreachable, gone, last = [one for one in recorded if one.step.name == "stream"]
    assert [one.step.error for one in (lost, unreachable, gone, last)] == ["lost", "unreachable", "", ""]
    assert len({one.span.trace for one in recorded}) == 4
    assert lost.step.facts == {"web_detector.source": "rtsp", "web_detector.reconnects": 0}
    connected = [(one.parent, one.step.error) for one in recorded if one.step.name == "connect"]
    assert connected == [
        (lost.span.id, ""), (unreachable.span.id, "unreachable"), (gone.span.id, ""), (last.span.id, ""),
    ]  # fmt: skip
