"""From what an ingest wrote to a video with results: on a real Valkey, SQLite and a folder."""

import dataclasses
import hashlib
import io
import json
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import msgspec
import numpy as np
import pytest
from celery.exceptions import Reject
from msgspec.structs import replace
from PIL import Image
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.results import appearances, series
from api.results.appearances import AppearanceQuery
from api.results.export_formats import FORMATS
from api.results.exports.export import Export
from api.results.paging import read_page
from api.results.selection import Query, Selection
from api.results.sources import open_frames
from contracts.coordination import names
from contracts.database.tables import (
    Delivery,
    IndexedTrack,
    Job,
    Recording,
    Rendition,
    Stream,
    User,
    Video,
    Webhook,
    utcnow,
)
from contracts.errors import StorageFull
from contracts.live import keys, presence
from contracts.live.packets import CodecConfig, Packet
from contracts.live.plans import kept
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, recording_key
from contracts.live.registry import StreamRegistry
from contracts.live.results import block
from contracts.live.spec_of import STORAGE_USED_UP
from contracts.live.streams import RecordingOptions, StreamState
from contracts.metrics.table import REAPER_FINDS
from contracts.metrics.totals import Totals
from contracts.results import result_file
from contracts.results.codec import Block, concat, decompress
from contracts.results.result_file import ResultFile
from contracts.results.tracks import Tracks
from contracts.results.tracks_file import TracksFile
from contracts.runtime.log_setup import JsonFormatter
from contracts.storage.port import index_key, result_key, tracks_key, video_key
from contracts.wire.messages import DroppedFrames, Options, PacketIndex, Plan, decode, to_json
from ingest.packaging.packager import Packager
from ingest.packaging.recorder import Recorder
from ingest.packaging.recording_writer import RecordingWriter
from ingest.sources.port import SourceConfig, SourcePacket
from processor import tasks
from processor.context import context
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import orphans, remove
from processor.operator.verify import Verifier
from processor.probe.child import Limits, inspect
from processor.recordings import ask, filing, matching
from processor.recordings.filing import file_recording
from processor.recordings.publishing import publish_streams
from processor.recordings.reaper import resend_recordings
from processor.recordings.receiving import close_recording, open_recording
from processor.recordings.remux import Sink, Target, remux
from processor.recordings.retention import expire_recordings
from processor.recordings.rows import RecordingRows
from processor.renditions.annotations import covered
from processor.tracking.tracking import track_job
from tests.support import unsandboxed
from tests.support.live.live_recordings import START, Written, fragments, pictures, put_plan, put_results, uneven
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.disk import filled, small_disk
from tests.support.servers.s3 import Bucket
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, clip

INGEST = "ingest-1"


class Bench(InProcessProcessor):
    """The processor's parts with one stream."""

    def __init__(self, folder: Path, valkey: Valkey, **settings: object) -> None:
        super().__init__(folder, valkey, **settings)
        self.storage_port, self.client = self.services.storage, self.services.live
        self.stream = self.add_stream()
        model = self.services.catalogue.get("nanodet-g")
        self.plan = Plan(model.id, model.digest(), model.engine, "fp32", Options(), "cpu")
        put_plan(self.client, self.stream, self.plan)

    def add_stream(self, **record: Any) -> str:
        row = Stream(
            user_id=self.user, name="Gate", kind="rtsp", model="nanodet-g", options={}, record=record, wanted="running"
        )
        self.add(row)
        return row.id

    def write(self, written: Written, *, age: float = 3600, size: int | None = None) -> RecordingOpened:
        """A recording that began so many seconds ago: its object, and the message that it is open."""
        opened = RecordingOpened(str(uuid.uuid4()), self.stream, self.user, written.pts[0], time.time() - age, INGEST)
        with self.storage_port.resumable().append(recording_key(self.stream, opened.id)) as sink:
            sink.write(written.content[:size])
        open_recording(self.services, opened)
        return opened

    def record(self, written: Written, *, age: float = 3600) -> Recording:
        """A recording that is written and closed, and so filed."""
        opened = self.write(written, age=age)
        close_recording(self.services, closed(opened, written))
        return self.recording(opened.id)

    def recording(self, recording_id: str) -> Recording:
        row = RecordingRows(self.engine).get(recording_id)
        assert row is not None
        return row

    def video(self, recording: Recording) -> Video:
        video = self.services.repository.video(recording.video_id or "")
        assert video is not None
        return video

    def found(self, recording: Recording) -> tuple[Any, Block]:
        """Header and frames of the result."""
        with self.storage_port.open(result_key(recording.video_id or "", recording.job_id or "")) as source:
            file = ResultFile(source)
            return file.header, concat(file.block(place) for place in range(len(file.starts)))

    def tracks(self, recording: Recording) -> tuple[Tracks, list[int]]:
        """The tracks of the result, and to which each detection belongs."""
        job = self.job(recording.job_id or "")
        assert (job.tracks or {})["state"] == "ready"
        with self.storage_port.open(tracks_key(recording.video_id or "", job.id)) as source:
            file = TracksFile(source)
            return file.tracks(), [track for place in range(file.blocks) for track in file.ids(place).tolist()]

    def problems(self, recording: Recording) -> tuple[str, ...]:
        job = self.job(recording.job_id or "")
        return Verifier(self.storage_port).verify(job, self.video(recording)).problems

    def object_of(self, recording: Recording) -> bool:
        """Whether its object is still in the storage."""
        return self.storage_port.resumable().size(recording_key(recording.source_id, recording.id)) > 0

    def rows(self, kind: Any) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.query(kind).all())


def closed(opened: RecordingOpened, written: Written, reason: RecordingEnd = RecordingEnd.ROLLED) -> RecordingClosed:
    return RecordingClosed(
        opened.id, opened.stream_id, written.end, len(written.pts), len(written.content), reason, opened
    )


@pytest.fixture
def sandboxed() -> None:
    """For tests whose recordings are filed by child processes, as in the service."""


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    if "sandboxed" not in request.fixturenames:
        unsandboxed.use(monkeypatch)
    made = Bench(tmp_path / "data", valkey)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reordered() -> Written:
    """48 frames, stored in another order than shown, at uneven times."""
    return fragments(clip(frames=48, b_frames=2), uneven(48))


@pytest.fixture(scope="module")
def plain() -> Written:
    return fragments(clip(frames=24, b_frames=0), uneven(24))


@pytest.mark.usefixtures("sandboxed")
def test_results_are_those_that_were_made_live_frame_by_frame(bench: Bench, reordered: Written) -> None:
    bench.add(Webhook(user_id=bench.user, url="https://example.org/", secret="s"))
    put_results(bench.client, bench.stream, [START - 3003])
    frames = put_results(bench.client, bench.stream, reordered.pts)
    put_results(bench.client, bench.stream, [reordered.end])
    recording = bench.record(reordered)
    assert (recording.state, recording.frames, recording.dropped) == ("filed", 48, {})
    video, job = bench.video(recording), bench.job(recording.job_id or "")
    header, found = bench.found(recording)
    times = [pts - START for pts in reordered.pts]
    assert times[0] == 0
    expected = block(frames, range(48), times)
    for column in ("frame", "time", "count", "class_id", "score", "box"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    assert (header.plan, header.complete, header.dropped, header.missing) == (bench.plan, True, (), ())
    assert (job.state, job.frames_done, job.options["min_score"]) == ("succeeded", 48, 0.35)
    assert job.summary is not None
    assert job.summary["frames"] == 48
    assert job.created_at == job.started_at == video.recorded_at == recording.started_at
    assert job.finished_at == recording.ended_at
    assert video.name == f"Gate {recording.started_at:%Y-%m-%d %H:%M:%S}"
    assert (video.source, video.content_type) == (f"stream:{bench.stream}", "video/mp4")
    with bench.storage_port.open(video_key(video.id)) as source:
        content = source.read()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (video.sha256, video.size_bytes)
    assert content.find(b"moov") < content.find(b"mdat")
    assert recording.ended_at is not None
    assert (recording.ended_at - recording.started_at).total_seconds() == pytest.approx((reordered.end - START) / 90000)
    assert job.tracks == {"state": "queued"}
    track_job(bench.services, job.id)
    assert (bench.job(job.id).tracks or {})["state"] == "ready"
    assert bench.problems(recording) == ()
    assert not bench.object_of(recording)
    assert [row.kind for row in bench.rows(Rendition)] == ["poster", "pictures"]
    assert [row.job_id for row in bench.rows(Delivery)] == [job.id]


def test_what_an_ingest_cuts_is_filed_without_a_frame_lost_or_twice(bench: Bench) -> None:
    """Its packager, recorder and writer, and the messages that it sends."""
    made = clip(frames=60, every=12, b_frames=2)
    sent: list[Any] = []
    recorder = Recorder(bench.stream, bench.user, INGEST, RecordingOptions(minutes=0.01))
    writer = RecordingWriter(bench.storage_port.resumable(), sent.append, bench.stream)
    packets = packaged(made, began := time.time() - 3600)
    for config, packet in packets:
        recorder.packet(config, packet)
        writer.deliver(recorder.take())
    recorder.end(RecordingEnd.STOPPED)
    writer.deliver(recorder.take())
    shown = sorted(packet.pts for _, packet in packets)

    def tracks(number: int) -> tuple[int, int]:
        """One object all the time, one from the end of the first recording on, one for two frames."""
        return 5, {2: 7, 5: 7}.get(number, 9 if 23 <= number < 40 else 0)

    put_results(bench.client, bench.stream, shown, age=time.time() - began - START / 90_000, tracks=tracks)
    for message in sent:
        take = open_recording if isinstance(message, RecordingOpened) else close_recording
        take(bench.services, message)
    found = sorted(bench.rows(Recording), key=lambda row: row.start)
    assert [(row.state, row.reason, row.frames) for row in found] == [
        *[("filed", "rolled", 24)] * 2,
        ("filed", "stopped", 12),
    ]
    times = [row.start + time for row in found for time in bench.found(row)[1].time.tolist()]
    assert times == shown
    assert [row.dropped for row in found] == [{}] * 3
    assert [bench.problems(row) for row in found] == [()] * 3
    made_live = [bench.tracks(row) for row in found]
    assert [one.id.tolist() for one, _ in made_live] == [[5, 9], [5, 9], [5]], "one object has one number in all"
    assert [one.frames.tolist() for one, _ in made_live] == [[16, 1], [16, 5], [8]]
    assert [sorted(set(numbers)) for _, numbers in made_live] == [[0, 5, 9], [0, 5, 9], [0, 5]]
    numbers = sorted(row.number for row in bench.rows(IndexedTrack))
    assert numbers == [5, 5, 5, 9, 9], "searches find them"
    assert [row.kind for row in bench.rows(Rendition)].count("pictures") == 3


def test_where_a_part_was_not_tracked_live_all_is_tracked_anew(bench: Bench, plain: Written) -> None:
    put_results(bench.client, bench.stream, plain.pts[:12], tracks=lambda _: (3, 4))
    put_results(bench.client, bench.stream, [*plain.pts[12:], plain.end])
    assert bench.job(bench.record(plain).job_id or "").tracks == {"state": "queued"}


def packaged(made: Clip, began: float) -> list[tuple[CodecConfig, Packet]]:
    """The packets of a clip as of a camera that began to send then."""
    packager = Packager(began)
    reader: Any
    with av.open(made.source()) as reader:
        stream = reader.streams.video[0]
        packager.configure(SourceConfig("h264", stream.codec_context.extradata, made.width, made.height, fps=25))
        packets = []
        for packet in reader.demux(stream):
            if packet.size:
                pts, dts = (int(time * stream.time_base * 90_000) for time in (packet.pts, packet.dts))
                item = SourcePacket(pts, dts, packet.is_keyframe, began + dts / 90_000, bytes(packet))
                packets += [one for one in packager.packet(item) if isinstance(one, Packet)]
    assert packager.config is not None
    return [(packager.config, packet) for packet in packets]


def test_frames_without_a_result_are_named_and_none_is_made_up(bench: Bench, reordered: Written) -> None:
    analysed = reordered.pts[1::2]
    put_results(bench.client, bench.stream, analysed, behind=1)
    put_results(bench.client, bench.stream, [reordered.end])
    recording = bench.record(reordered)
    header, found = bench.found(recording)
    assert found.frame.tolist() == list(range(1, 48, 2))
    assert [item.reason for item in header.dropped] == ["behind"]
    assert header.dropped[0].frames == 24
    assert (header.complete, recording.dropped) == (True, {"behind": 24})
    assert bench.job(recording.job_id or "").state == "succeeded"
    assert bench.problems(recording) == ()


def test_a_recording_that_nobody_analysed_is_a_video_with_a_failed_job(bench: Bench, plain: Written) -> None:
    recording = bench.record(plain)
    job = bench.job(recording.job_id or "")
    assert (recording.state, job.state, job.summary) == ("filed", "failed", None)
    assert job.error is not None
    assert job.error["code"] == matching.NOT_ANALYSED
    assert (bench.video(recording).media or {})["frames"] == 24
    assert bench.problems(recording) == ()


def test_messages_may_come_twice_in_any_order_and_one_may_be_lost(bench: Bench, plain: Written) -> None:
    opened = bench.write(plain)
    open_recording(bench.services, opened)
    for _ in range(2):
        close_recording(bench.services, closed(opened, plain))
    open_recording(bench.services, opened)
    assert [row.state for row in bench.rows(Recording)] == ["filed"]
    assert len(bench.rows(Job)) == len(bench.rows(Video)) == 1
    lost = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, opened.started_at, INGEST)
    with bench.storage_port.resumable().append(recording_key(bench.stream, lost.id)) as sink:
        sink.write(plain.content)
    close_recording(bench.services, closed(lost, plain))
    assert bench.recording(lost.id).state == "filed"


def test_a_deleted_recording_does_not_come_back_with_a_late_message(bench: Bench, plain: Written) -> None:
    opened = bench.write(plain)
    close_recording(bench.services, closed(opened, plain))
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(Recording))
    close_recording(bench.services, closed(opened, plain))
    assert RecordingRows(bench.engine).get(opened.id) is None


def test_what_closes_a_recording_opens_it_also_while_the_storage_is_away(bench: Bench, plain: Written) -> None:
    lost = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, time.time() - 3600, INGEST)
    with bench.storage_port.resumable().append(recording_key(bench.stream, lost.id)) as sink:
        sink.write(plain.content)
    folder = Path(bench.services.settings.storage_path, "streams")
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    close_recording(bench.services, closed(lost, plain))
    folder.unlink()
    away.rename(folder)
    file_recording(bench.services, lost.id)
    assert bench.recording(lost.id).state == "filed"


def test_what_closes_a_recording_opens_it_where_that_message_is_lost(bench: Bench) -> None:
    """As an ingest sends it, however the recording ends."""
    sent: list[Any] = []
    recorder = Recorder(bench.stream, bench.user, INGEST, RecordingOptions(minutes=0.01))
    objects = bench.storage_port.resumable()
    writer = RecordingWriter(objects, sent.append, bench.stream)
    for config, packet in packaged(clip(frames=36, every=12, b_frames=0), time.time() - 3600):
        recorder.packet(config, packet)
    actions = recorder.take()
    writer.deliver(actions[:-1])

    def full(_: str) -> Any:
        raise StorageFull("full")

    objects.append = full  # type: ignore[assignment,method-assign]
    assert writer.deliver(actions[-1:]) is not None
    for message in sent:
        if isinstance(message, RecordingClosed):
            close_recording(bench.services, message)
    found = sorted(bench.rows(Recording), key=lambda row: row.start)
    assert [(row.state, row.reason, row.frames) for row in found] == [
        ("filed", "rolled", 24),
        ("filed", "storage_full", 11),
    ]


def test_a_message_about_a_recording_stays_in_its_queue_while_the_database_is_away(
    bench: Bench, plain: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(context, "_value", bench.services)
    opened = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, time.time() - 3600, INGEST)
    with bench.storage_port.resumable().append(recording_key(bench.stream, opened.id)) as sink:
        sink.write(plain.content)
    messages = {tasks.open_recording: to_json(opened), tasks.close_recording: to_json(closed(opened, plain))}
    path = Path(str(bench.engine.url.database))
    bench.engine.dispose()
    path.rename(away := path.with_name("away"))
    path.mkdir()  # so that it cannot be opened
    for task, message in messages.items():
        with pytest.raises(Reject) as caught:
            task.run(message)
        assert caught.value.requeue
    path.rmdir()
    away.rename(path)
    for task, message in messages.items():
        task.run(message)
    assert bench.recording(opened.id).state == "filed"


def test_what_the_database_never_ends_in_time_is_repeated_a_few_times(
    url: str, tmp_path: Path, valkey: Valkey, plain: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsandboxed.use(monkeypatch)
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(tasks, "_MOST_REPEATS", 1)
    bench = Bench(tmp_path / "data", valkey, DATABASE_URL=url)
    with bench.engine.begin() as operator:  # a limit that nothing but a lock can reach, however busy the machine is
        operator.execute(text(f"ALTER DATABASE \"{bench.engine.url.database}\" SET lock_timeout = '200ms'"))
    bench.services.repository.engine.dispose()
    monkeypatch.setattr(context, "_value", bench.services)
    opened = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, time.time() - 3600, INGEST)
    with bench.storage_port.resumable().append(recording_key(bench.stream, opened.id)) as sink:
        sink.write(plain.content)
    with bench.engine.begin() as holder:
        holder.execute(text("LOCK TABLE recordings"))
        with pytest.raises(Reject):
            tasks.open_recording.run(to_json(opened))
        with pytest.raises(DBAPIError, match="lock timeout"):
            tasks.open_recording.run(to_json(opened))
    tasks.open_recording.run(to_json(opened))
    lease, tries = names.recording_lease(opened.id), names.recording_attempts(opened.id)
    with bench.engine.begin() as holder:
        holder.execute(text("LOCK TABLE videos"))
        with pytest.raises(Reject):
            tasks.close_recording.run(to_json(closed(opened, plain)))
        tasks.close_recording.run(to_json(closed(opened, plain)))  # left to the reaper, which waits for a while
    assert bench.services.coordination.is_held(lease)
    assert bench.services.coordination.count(tries, 60) == 2, "the try did not count"
    bench.services.coordination.release(lease)
    file_recording(bench.services, opened.id)
    assert bench.recording(opened.id).state == "filed"
    bench.services.repository.engine.dispose()
    bench.close()


def test_results_that_may_still_come_are_waited_for(bench: Bench, plain: Written) -> None:
    frames = put_results(bench.client, bench.stream, plain.pts[:-1], age=1)
    recording = bench.record(plain, age=1)
    assert (recording.state, recording.job_id, recording.video_id) == ("closed", None, recording.id)
    put_results(bench.client, bench.stream, [plain.pts[-1], plain.end], age=1)
    file_recording(bench.services, recording.id)
    recording = bench.recording(recording.id)
    assert recording.state == "filed"
    assert len(bench.found(recording)[1]) == len(frames) + 1


def test_results_of_an_earlier_run_of_the_stream_have_the_same_times_and_are_others(
    bench: Bench, plain: Written
) -> None:
    put_results(bench.client, bench.stream, plain.pts, age=3700)
    put_results(bench.client, bench.stream, plain.pts[2:], age=3600)
    assert bench.found(bench.record(plain))[1].frame.tolist() == list(range(2, 24))


def test_a_lost_ingest_costs_the_fragment_that_it_was_writing(bench: Bench, plain: Written) -> None:
    put_results(bench.client, bench.stream, plain.pts)
    opened = bench.write(plain, size=plain.sizes[-1] - 5)
    alive = presence.IngestPresence(INGEST, StreamState.LIVE, 0.0, recording=opened.id)
    bench.services.coordination.locks.acquire(names.stream_ingest(bench.stream), INGEST, 60)
    presence.write(bench.client, bench.stream, alive)
    for _ in range(9):
        resend_recordings(bench.services)
    assert bench.recording(opened.id).state == "open"
    presence.write(bench.client, bench.stream, msgspec.structs.replace(alive, recording="the next one"))
    for _ in range(9):  # its end may still have to be written
        resend_recordings(bench.services)
    assert bench.recording(opened.id).state == "open"
    bench.services.coordination.locks.release(names.stream_ingest(bench.stream), INGEST)
    for _ in range(3):  # REAPER_SECONDS is 5: so far 15 s of silence
        resend_recordings(bench.services)
    assert bench.recording(opened.id).state == "open"
    totals = Totals()
    resend_recordings(dataclasses.replace(bench.services, counts=totals))
    recording = bench.recording(opened.id)
    assert (recording.state, recording.reason) == ("closed", "ingest_lost")
    assert (REAPER_FINDS.name, ("recording",), (1.0,)) in totals.rows()
    file_recording(bench.services, opened.id)
    recording = bench.recording(opened.id)
    assert (recording.state, recording.frames, recording.end) == ("filed", 23, plain.pts[-1])
    assert bench.found(recording)[1].frame.tolist() == list(range(23))
    assert bench.problems(recording) == ()


STEPS: list[tuple[Any, str]] = [
    (filing, "make_video"),
    (RecordingRows, "add_video"),
    (filing, "probe_video"),
    (result_file, "write"),
    (RecordingRows, "file"),
]


class _Killed(BaseException):
    """Stands for SIGKILL: no code of ours handles it."""


def test_whatever_step_a_processor_is_killed_at_the_next_one_goes_on(
    bench: Bench, reordered: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = put_results(bench.client, bench.stream, reordered.pts)
    opened = bench.write(reordered)

    def killed(*_: Any, **__: Any) -> None:
        raise _Killed

    RecordingRows(bench.engine).close(closed(opened, reordered))
    for owner, name in STEPS:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, killed)
            with pytest.raises(_Killed):
                file_recording(bench.services, opened.id)
        bench.services.coordination.reset_count(names.recording_attempts(opened.id))
    assert bench.recording(opened.id).state == "closed"
    file_recording(bench.services, opened.id)
    recording = bench.recording(opened.id)
    assert recording.state == "filed"
    assert len(bench.found(recording)[1]) == len(frames)
    assert bench.problems(recording) == ()
    assert (len(bench.rows(Job)), len(bench.rows(Video)), bench.object_of(recording)) == (1, 1, False)


def test_one_that_kills_each_processor_fails_and_its_object_is_kept_with_the_stream(
    bench: Bench, plain: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = bench.write(plain)

    def killed(*_: Any) -> None:
        raise _Killed

    monkeypatch.setattr(filing, "make_video", killed)
    monkeypatch.setattr(filing, "MOST_TRIES", 2)
    for _ in range(2):
        with pytest.raises(_Killed):
            close_recording(bench.services, closed(opened, plain))
    file_recording(bench.services, opened.id)
    recording = bench.recording(opened.id)
    assert (recording.state, recording.error and recording.error["code"]) == ("failed", "video_refused")
    stores = DataStores(bench.inventory, bench.storage_port, None, None)
    assert list(orphans(stores, -60)) == []
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(Stream))
    assert [one.name for one in remove(stores, orphans(stores, -60))] == [recording_key(bench.stream, opened.id)]
    assert not bench.object_of(recording)


def test_one_whose_reader_is_killed_is_filed_by_the_next_try(
    bench: Bench, plain: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_results(bench.client, bench.stream, plain.pts)
    opened = bench.write(plain)

    def killed(*_: object) -> None:
        ask._outcome(-signal.SIGKILL, b"")

    for name in ("make_video", "probe_video"):
        with monkeypatch.context() as patch:
            patch.setattr(filing, name, killed)
            close_recording(bench.services, closed(opened, plain))
        assert bench.recording(opened.id).state == "closed"
    assert bench.services.coordination.count(names.recording_attempts(opened.id), 60) == 3, "each of them counts"
    file_recording(bench.services, opened.id)
    assert bench.recording(opened.id).state == "filed"


def test_only_one_processor_files_a_recording(bench: Bench, plain: Written) -> None:
    opened = bench.write(plain)
    bench.services.coordination.locks.acquire(names.recording_lease(opened.id), "another", 60)
    close_recording(bench.services, closed(opened, plain))
    recording = bench.recording(opened.id)
    assert (recording.state, bench.rows(Video)) == ("closed", [])
    assert (recording.end, recording.frames, recording.reason) == (plain.end, 24, "rolled")
    assert recording.ended_at is not None


def test_a_full_disk_is_waited_for(
    valkey: Valkey, tmp_path: Path, plain: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "MOST_TRIES", 1)
    with small_disk(tmp_path / "data" / "storage", "2m"), closing(Bench(tmp_path / "data", valkey)) as bench:
        opened = bench.write(plain)
        with filled(bench.storage):
            close_recording(bench.services, closed(opened, plain))
            file_recording(bench.services, opened.id)
        recording = bench.recording(opened.id)
        assert (recording.state, recording.error and recording.error["code"]) == ("closed", "storage_full")
        file_recording(bench.services, opened.id)
        recording = bench.recording(opened.id)
        assert (recording.state, recording.error) == ("filed", None)


@pytest.mark.usefixtures("sandboxed")
def test_an_empty_recording_fails(bench: Bench, plain: Written) -> None:
    nothing = Written(plain.content[:600], plain.pts, plain.end, ())
    recording = bench.record(nothing)
    assert (recording.state, recording.error and recording.error["code"]) == ("failed", "video_refused")
    assert recording.size_bytes == 600, "as much as is kept"
    unwritten = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, 0.0, INGEST)
    open_recording(bench.services, unwritten)
    close_recording(bench.services, closed(unwritten, plain))
    failed = bench.recording(unwritten.id)
    assert (failed.state, failed.size_bytes) == ("failed", 0)


def test_lines_about_a_recording_name_it_and_its_stream(
    bench: Bench, plain: Written, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caplog.handler, "formatter", JsonFormatter())
    unwritten = RecordingOpened(str(uuid.uuid4()), bench.stream, bench.user, START, 0.0, INGEST)
    open_recording(bench.services, unwritten)
    close_recording(bench.services, closed(unwritten, plain))
    [line] = [json.loads(text) for text in caplog.text.splitlines()]
    assert (line["recording"], line["stream"]) == (unwritten.id, bench.stream)


def test_verify_sees_a_live_result_that_does_not_fit_its_video(bench: Bench, plain: Written) -> None:
    put_results(bench.client, bench.stream, [pts for number, pts in enumerate(plain.pts) if number != 7], behind=0)
    recording = bench.record(plain)
    header, found = bench.found(recording)

    def problems(header: Any, block: Block) -> tuple[str, ...]:
        with bench.storage_port.create(result_key(recording.id, recording.job_id or "")) as sink:
            result_file.write(sink, header, [block])
        return bench.problems(recording)

    assert problems(header, found) == ()
    assert problems(replace(header, dropped=()), found) == (
        "frames have no result and are not named as dropped: 1 of them",
    )
    later = dataclasses.replace(found, time=found.time + 1)
    assert problems(header, later)[0].startswith("frames differ in time from the video: 23 of them")
    assert (
        "frames are present but were not requested"
        in problems(header, dataclasses.replace(found, frame=found.frame + 5))[0]
    )


@pytest.mark.distributed
@pytest.mark.usefixtures("sandboxed")
def test_a_bucket_is_as_good_as_a_folder(bucket: Bucket, bench: Bench, plain: Written) -> None:
    stored = dataclasses.replace(bench.services, storage=bucket.storage())
    bench.storage_port, bench.services = stored.storage, stored
    put_results(bench.client, bench.stream, plain.pts)
    recording = bench.record(plain)
    assert (recording.state, recording.error) == ("filed", None)
    assert len(bench.found(recording)[1]) == 24
    assert (bench.problems(recording), bench.object_of(recording)) == ((), False)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_camera_is_turned_in_the_video_too(rotation: int) -> None:
    written = fragments(clip(frames=12, b_frames=2), uneven(12), rotation)
    with tempfile.TemporaryFile() as target:
        path = f"/proc/self/fd/{target.fileno()}"
        with open(path, "wb", buffering=0) as sink, open(path, "rb", buffering=0) as again:
            report = remux(io.BytesIO(written.content), Target(Sink(sink), cast(BinaryIO, again)))
        media = inspect(cast(BinaryIO, target), Limits(10**6, 10**6, 10**9)).media
    assert (report.start, report.end, report.frames) == (START, written.end, 12)
    assert media is not None
    assert (media.rotation, media.width) == (rotation, 160 if rotation == 180 else 96)


@pytest.mark.usefixtures("sandboxed")
def test_pictures_become_a_video_with_their_times(bench: Bench) -> None:
    images = []
    for number in range(12):
        sink = io.BytesIO()
        Image.new("RGB", (160, 96), (number * 20, 0, 0)).save(sink, "JPEG")
        images.append(sink.getvalue())
    written = pictures(images, uneven(12))
    put_results(bench.client, bench.stream, written.pts)
    recording = bench.record(Written(written.content + b"\0" * 9, *(written.pts, written.end, written.sizes)))
    video = bench.video(recording)
    assert video.media is not None
    assert (video.media["codec"], video.media["frames"], video.media["width"]) == ("mjpeg", 12, 160)
    assert bench.found(recording)[1].time.tolist() == [pts - START for pts in written.pts]
    assert bench.problems(recording) == ()


def test_results_by_options_that_were_changed_are_not_mixed(bench: Bench, plain: Written) -> None:
    put_plan(bench.client, bench.stream, replace(bench.plan, options=Options(min_score=0.6)), revision=2)
    put_results(bench.client, bench.stream, plain.pts[:3], plan=1)
    put_results(bench.client, bench.stream, plain.pts[3:], plan=2)
    recording = bench.record(plain)
    header, found = bench.found(recording)
    assert bench.job(recording.job_id or "").options["min_score"] == 0.6
    assert found.frame.tolist() == list(range(3, 24))
    end_ms = round((plain.pts[3] - START) / 90, 3)
    assert header.dropped == (DroppedFrames(0.0, end_ms, 3, matching.OTHER_OPTIONS),)


def test_results_of_a_model_that_was_replaced_are_not_taken_for_those_of_the_new_one(
    bench: Bench, plain: Written
) -> None:
    put_plan(bench.client, bench.stream, Plan("nanodet-g", "0" * 64, "openvino", "fp32", Options()))
    put_results(bench.client, bench.stream, plain.pts)
    recording = bench.record(plain)
    assert bench.job(recording.job_id or "").state == "failed"


def test_a_recording_keeps_the_labels_of_a_model_that_was_replaced_since(bench: Bench, plain: Written) -> None:
    made_by = replace(bench.plan, model_digest="0" * 64)
    bench.client.hset(keys.plans(bench.stream), "1", kept(made_by, ("forklift", "pallet")))
    put_results(bench.client, bench.stream, plain.pts)
    recording = bench.record(plain)
    assert bench.job(recording.job_id or "").state == "succeeded"
    header, _ = bench.found(recording)
    assert (header.labels, header.plan) == (("forklift", "pallet"), made_by)


def test_what_reads_results_reads_those_with_gaps(bench: Bench, reordered: Written) -> None:
    """As with sampling, but irregular: pages, series, appearances, exports and the frames of an annotated copy."""
    numbers = [2, 3, 4, 9, 10, 30, 31, 47]
    put_results(bench.client, bench.stream, [reordered.pts[number] for number in numbers])
    recording = bench.record(reordered)
    job, video = bench.job(recording.job_id or ""), bench.video(recording)
    frames = open_frames(job, bench.services.store, bench.storage_port)
    assert frames is not None
    with closing(frames):
        everything = Selection(Query(), frames.header)
        pages = [read_page(frames, everything, 0, 5, True), read_page(frames, everything, 10, 5, True)]
        assert [page.next_frame for page in pages] == [30, None]
        assert [number for block in pages[0].blocks for number in block.frame.tolist()] == numbers[:5]
        span = series.span_of(frames, None, None, 500, True)
        counted, waiting = series.read_series(frames, everything, span)
        assert (int(counted.frames.sum()), waiting) == (len(numbers), False)
        assert span.bucket_ms >= 30
        label = frames.header.labels[0]
        found = appearances.find(frames, AppearanceQuery(label=label, gap_ms=100), 10).intervals
        assert [(one.first_frame, one.last_frame) for one in found] == [(3, 4), (10, 10), (30, 30), (47, 47)]
        export = Export(job, video, frames, everything, False)
        document = msgspec.json.decode(b"".join(FORMATS["json"].write(export)))
        assert [frame["frame"] for frame in document["frames"]] == numbers
        assert document["job"]["dropped"][0]["reason"] == matching.NOT_ANALYSED
    with bench.storage_port.open(index_key(video.id)) as source:
        index = decode(decompress(source.read()), PacketIndex)
    with bench.storage_port.open(result_key(video.id, job.id)) as source:
        assert list(covered(ResultFile(source), index)) == numbers


# Retention and deletion


def ages(bench: Bench, *days: float) -> list[Recording]:
    """Recordings that were filed, each of 1000 bytes."""
    return [_filed(bench, utcnow() - timedelta(days=one)) for one in days]


def _filed(bench: Bench, began: datetime) -> Recording:
    one = str(uuid.uuid4())
    bench.add(Video(id=one, user_id=bench.user, content_type="video/mp4", tags=[], size_bytes=1000, sha256="0" * 64))
    bench.add(
        Job(id=(job := str(uuid.uuid4())), user_id=bench.user, video_id=one, model="m", options={}, state="failed")
    )
    times = {"started_at": began, "ended_at": began + timedelta(minutes=5)}
    bench.add(
        Recording(
            id=one,
            stream_id=bench.stream,
            user_id=bench.user,
            video_id=one,
            job_id=job,
            state="filed",
            start=START,
            size_bytes=1000,
            instance=INGEST,
            **times,
        )
    )
    for key in (video_key(one), result_key(one, job)):
        with bench.storage_port.create(key) as sink:
            sink.write(b"-")
    return bench.recording(one)


def left(bench: Bench) -> set[str]:
    return {row.id for row in bench.rows(Recording)}


def test_recordings_go_by_age_with_all_that_belongs_to_them(bench: Bench) -> None:
    bench.change(Stream, bench.stream, record={"minutes": 1, "keep_days": 2.5})
    old, new = ages(bench, 3, 2)
    assert expire_recordings(bench.services) is False
    assert left(bench) == {new.id}
    assert [row.id for row in bench.rows(Video)] == [new.id]
    assert [row.id for row in bench.rows(Job)] == [new.job_id]
    assert all(old.id not in name for name in bench.files())


def test_recordings_go_by_bytes_the_oldest_first_and_the_newest_never(bench: Bench) -> None:
    oldest, older, newest = ages(bench, 3, 2, 1)
    bench.change(Stream, bench.stream, record={"keep_bytes": 2000})
    expire_recordings(bench.services)
    assert left(bench) == {older.id, newest.id}
    bench.change(Stream, bench.stream, record={"keep_bytes": 1})
    expire_recordings(bench.services)
    assert left(bench) == {newest.id}
    assert oldest.id not in left(bench)


def test_a_video_that_a_job_looks_at_stays(bench: Bench) -> None:
    bench.change(Stream, bench.stream, record={"keep_days": 1})
    (old,) = ages(bench, 3)
    bench.change(Job, old.job_id or "", state="running")
    expire_recordings(bench.services)
    assert left(bench) == {old.id}


def test_deletions_leave_nothing_behind(bench: Bench, plain: Written) -> None:
    by_video, by_job, stays = ages(bench, 3, 2, 1)
    unfiled = bench.write(plain)
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(Rendition).where(Rendition.video_id == by_video.id))
        session.execute(delete(Job).where(Job.video_id == by_video.id))
        session.execute(delete(Video).where(Video.id == by_video.id))
        session.execute(delete(Job).where(Job.id == by_job.job_id))
    assert left(bench) == {by_job.id, stays.id, unfiled.id}
    assert bench.recording(by_job.id).job_id is None
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(Stream))
    assert {bench.recording(one).stream_id for one in left(bench)} == {None}
    close_recording(bench.services, closed(unfiled, plain))  # its object is still found
    assert bench.recording(unfiled.id).state == "filed"
    late = bench.write(plain)
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(User))
    assert left(bench) == set()
    close_recording(bench.services, closed(late, plain))
    stores = DataStores(bench.inventory, bench.storage_port, None, None)
    list(remove(stores, orphans(stores, -60)))
    assert bench.files() == []


# What is published


def test_all_streams_are_published_again_and_those_that_are_gone_removed(bench: Bench) -> None:
    registry = StreamRegistry(bench.client)
    bench.client.flushdb()
    publish_streams(bench.services)
    assert set(registry.read()) == {bench.stream}
    assert registry.read()[bench.stream].record == RecordingOptions()
    before = registry.revision()
    publish_streams(bench.services)
    assert registry.revision() == before
    put_results(bench.client, bench.stream, [START])
    with Session(bench.engine) as session, session.begin():
        session.execute(delete(Stream))
    publish_streams(bench.services)
    assert registry.read() == {}
    left = {key: bench.client.ttl(key) > 0 for key in keys.all_of(bench.stream) if bench.client.exists(key)}
    assert left == {keys.results(bench.stream): True}, "they wait for the last recording"


def test_a_user_without_room_is_not_recorded_and_loses_nothing(bench: Bench, plain: Written) -> None:
    bench.change(User, bench.user, quotas={"stored_bytes": 1})
    recording = bench.record(plain)
    assert recording.state == "filed"
    publish_streams(bench.services)
    spec = StreamRegistry(bench.client).read()[bench.stream]
    assert (spec.record, spec.record_stopped) == (None, STORAGE_USED_UP)
    bench.change(User, bench.user, quotas={"stored_bytes": 10**9})
    publish_streams(bench.services)
    spec = StreamRegistry(bench.client).read()[bench.stream]
    assert (spec.record, spec.record_stopped) == (RecordingOptions(), "")
