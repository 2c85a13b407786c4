"""Recordings: where they begin and end, and what is written and told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pytest
from kombu.exceptions import OperationalError

from contracts.errors import StorageFull, StorageUnavailable
from contracts.live.packets import CodecConfig, Packet
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, recording_key
from contracts.live.streams import RecordingOptions
from ingest.packaging.boxes import fragment_head
from ingest.packaging.recorder import Ended, Recorder, Written
from ingest.packaging.recording_writer import Failed, RecordingWriter
from tests.support.fakes import MemoryResumable, MemoryStorage

SECOND = 90_000
VIDEO = CodecConfig(1, "h264", b"", 64, 48, 0, "video/mp4", b"init;")


def packet(number: int, *, key: bool = False, config: int = 1) -> Packet:
    """One a second."""
    return Packet(config, number, number * SECOND, number * SECOND, SECOND, key, 50.0 + number, b"d%d;" % number, b"h;")


def fragment(one: Packet) -> bytes:
    """With the duration of the packet, whatever viewers are told."""
    return fragment_head(one.number + 1, one.pts, one.dts, one.duration, one.key, len(one.data)) + one.data


def recorder(minutes: float = 0.1) -> Recorder:
    return Recorder("stream", "user", "ingest", RecordingOptions(minutes=minutes))


def play(made: Recorder, numbers: range, config: CodecConfig = VIDEO, every: int = 4) -> None:
    for number in numbers:
        made.packet(config, packet(number, key=number % every == 0, config=config.number))


def test_recordings_are_cut_at_the_first_keyframe_after_their_length() -> None:
    made = recorder(minutes=0.1)  # 6 s
    play(made, range(1, 18))  # keyframes at 4, 8, 12, 16
    actions = made.take()
    opened = [action for action in actions if isinstance(action, RecordingOpened)]
    assert [(item.start, item.started_at, item.instance) for item in opened] == [
        (4 * SECOND, 54.0, "ingest"),
        (12 * SECOND, 62.0, "ingest"),
    ]
    (ended,) = [action for action in actions if isinstance(action, Ended)]
    assert ended == Ended(opened[0].id, 12 * SECOND, 8, RecordingEnd.ROLLED)
    content = b"".join(a.data for a in actions if isinstance(a, Written) and a.id == opened[0].id)
    assert content == b"init;" + b"".join(fragment(packet(number, key=number % 4 == 0)) for number in range(4, 12))
    assert made.current == opened[1].id


def test_a_user_without_room_is_told_why_nothing_is_recorded() -> None:
    made = recorder(minutes=10)
    play(made, range(4))
    made.change(None, "storage_used_up")
    assert [action.reason for action in made.take() if isinstance(action, Ended)] == [RecordingEnd.STORAGE_FULL]
    assert (made.current, made.error) == (None, "storage_used_up")
    assert Recorder("stream", "user", "ingest", None, "storage_used_up").error == "storage_used_up"
    made.change(RecordingOptions())
    play(made, range(4, 5))
    assert (made.current is not None, made.error) == (True, "")


def test_another_codec_and_a_switch_end_a_recording() -> None:
    made = recorder(minutes=10)
    play(made, range(4))
    play(made, range(4, 8), CodecConfig(2, "h264", b"", 128, 96, 0, "video/mp4", b"other;"))
    made.cut()
    play(made, range(8, 9), CodecConfig(2, "h264", b"", 128, 96, 0, "video/mp4", b"other;"))
    made.change(None)
    reasons = [action.reason for action in made.take() if isinstance(action, Ended)]
    assert reasons == [RecordingEnd.CODEC_CHANGED, RecordingEnd.ROLLED, RecordingEnd.STOPPED]
    play(made, range(12, 16))
    assert made.take() == []


def test_jpegs_are_recorded_with_their_times_and_other_codecs_not_at_all() -> None:
    made = recorder()
    made.packet(CodecConfig(1, "mjpeg", b"", 64, 48, 0, "image/jpeg", b""), packet(0, key=True))
    written = b"".join(action.data for action in made.take() if isinstance(action, Written))
    assert written == b"WDJPEG1\n" + (0).to_bytes(8, "big") + (3).to_bytes(4, "big") + b"h;d0;"[2:]
    made = recorder()
    made.packet(CodecConfig(1, "vp8", b"", 64, 48, 0, "", b""), packet(0, key=True))
    assert made.take() == []
    assert made.error == "unsupported_codec"


class Processor:
    """What the processor was told; `answers` is what sending raises, one for each call."""

    def __init__(self, *answers: Exception | None) -> None:
        self.told: list[RecordingOpened | RecordingClosed] = []
        self._answers = list(answers)

    def send(self, message: RecordingOpened | RecordingClosed) -> None:
        error = self._answers.pop(0) if self._answers else None
        if error is not None:
            raise error
        self.told.append(message)


def test_a_recording_is_opened_written_and_closed_with_its_size() -> None:
    storage, processor, made = MemoryStorage(), Processor(), recorder()
    writer = RecordingWriter(storage.resumable(), processor.send, "stream")
    play(made, range(4))
    assert writer.deliver(made.take()) is None
    made.end(RecordingEnd.LOST)
    assert writer.deliver(made.take()) is None
    opened, closed = processor.told
    assert isinstance(opened, RecordingOpened)
    key = recording_key("stream", opened.id)
    storage.resumable().finish(key)
    with storage.open(key) as source:
        content = source.read()
    assert content == b"init;" + b"".join(fragment(packet(number, key=number == 0)) for number in range(4))
    assert closed == RecordingClosed(opened.id, "stream", 4 * SECOND, 4, len(content), RecordingEnd.LOST, opened)
    assert writer.is_idle


def test_what_the_broker_does_not_take_is_sent_later_in_order_and_once() -> None:
    storage, made = MemoryStorage(), recorder()
    processor = Processor(OperationalError("away"), None, OperationalError("away"))
    writer = RecordingWriter(storage.resumable(), processor.send, "stream")
    play(made, range(4))
    made.end(RecordingEnd.STOPPED)
    assert writer.deliver(made.take()) is None
    assert processor.told == []
    writer.deliver([])
    writer.deliver([])
    assert [type(message) for message in processor.told] == [RecordingOpened, RecordingClosed]
    assert writer.is_idle


def test_a_broker_that_is_away_keeps_no_recording_from_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more is recorded meanwhile than is held of one that cannot be written."""
    monkeypatch.setattr("ingest.packaging.recording_writer._HELD_BYTES", 10)
    storage, made = MemoryStorage(), recorder(minutes=0.1)
    processor = Processor(*[OperationalError("away")] * 16)
    writer = RecordingWriter(storage.resumable(), processor.send, "stream")
    for number in range(16):
        play(made, range(number, number + 1))
        assert writer.deliver(made.take()) is None
    made.end(RecordingEnd.STOPPED)
    writer.deliver(made.take())
    assert writer.is_idle
    assert [type(message) for message in processor.told] == [RecordingOpened, RecordingClosed] * 2
    sizes = [storage.resumable().size(recording_key("stream", told.id)) for told in processor.told[::2]]
    assert [told.size_bytes for told in processor.told if isinstance(told, RecordingClosed)] == sizes
    assert min(sizes) > 7 * 100


def test_a_broker_that_is_away_is_told_of_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    made = recorder()
    processor = Processor(OperationalError("away"), OperationalError("away"), OperationalError("away"))
    writer = RecordingWriter(MemoryStorage().resumable(), processor.send, "stream")
    play(made, range(4))
    with caplog.at_level("INFO"):
        for actions in (made.take(), [], [], [], []):
            writer.deliver(actions)
    assert writer.is_idle
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


class Full(MemoryResumable):
    """Takes nothing any more after some calls."""

    def __init__(self, storage: MemoryStorage, error: Exception, calls: int) -> None:
        super().__init__(storage)
        self._error, self._calls = error, calls

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        self._calls -= 1
        if self._calls < 0:
            raise self._error
        with super().append(key) as sink:
            yield sink


def test_a_full_disk_closes_the_recording_with_what_is_written_and_another_is_tried_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage, processor, made = MemoryStorage(), Processor(), recorder(minutes=10)
    writer = RecordingWriter(Full(storage, StorageFull("full"), calls=1), processor.send, "stream")
    play(made, range(4))
    writer.deliver(made.take())
    play(made, range(4, 6))
    failed = writer.deliver(made.take())
    opened = processor.told[0]
    assert failed == Failed(opened.id, "storage_full")
    play(made, range(6, 7))  # what came while the disk was asked
    made.failed(failed.id, failed.error)
    play(made, range(7, 9))
    assert (made.current, made.error, made.take()) == (None, "storage_full", [])
    writer.deliver([])
    closed = processor.told[-1]
    assert isinstance(closed, RecordingClosed)
    assert (closed.reason, closed.size_bytes) == (
        RecordingEnd.STORAGE_FULL,
        storage.resumable().size(recording_key("stream", opened.id)),
    )
    assert closed.size_bytes > 0
    clock: Any = {"now": 10**9}
    monkeypatch.setattr("ingest.packaging.recorder.time.monotonic", lambda: clock["now"])
    play(made, range(12, 14))
    assert made.current is not None
    assert made.error == ""


def test_a_storage_that_is_away_is_waited_for_and_given_up_when_too_much_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage, processor, made = MemoryStorage(), Processor(), recorder(minutes=10)
    objects = Full(storage, StorageUnavailable("away"), calls=0)
    writer = RecordingWriter(objects, processor.send, "stream")
    play(made, range(2))
    assert writer.deliver(made.take()) is None
    assert not writer.is_idle
    monkeypatch.setattr("ingest.packaging.recording_writer._HELD_BYTES", 10)
    failed = writer.deliver(made.take())
    assert failed is not None
    assert failed.error == "storage_unavailable"
