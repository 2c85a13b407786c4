"""Bytes of recordings on their way from a pipeline to a folder or a bucket: each is written once, whatever happens."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import amqp  # type: ignore[import-untyped]
import pytest

from contracts.errors import NotFound
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, recording_key
from contracts.live.streams import RecordingOptions, StreamSpec
from contracts.storage.local import LocalResumable, LocalStorage
from contracts.storage.port import Storage
from contracts.storage.s3_resumable import S3Resumable
from ingest import pipeline
from ingest.cancelling import cancelled
from ingest.packaging.recorder import Recorder, Written
from ingest.packaging.recording_writer import RecordingWriter
from ingest.pipeline import Pipeline
from tests.support.live.scripted_source import CONFIG, PICTURE, MemoryPackets, picture
from tests.support.servers.s3 import Bucket

SPEC = StreamSpec("stream", "user", "rtsp", 1, time.time() - 10, "nanodet-g", record=RecordingOptions())
MIB = 1024 * 1024


class Gated(LocalResumable):
    """Objects in a folder, whose writers wait at a gate. writers: how many there were at once, at most."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.gate, self.reached = threading.Event(), threading.Semaphore(0)
        self.troubles: list[Exception] = []
        self.writers, self._now, self._lock = 0, 0, threading.Lock()

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        with self._lock:
            self._now += 1
            self.writers = max(self.writers, self._now)
        try:
            self.reached.release()
            self.gate.wait(120)
            if self.troubles:
                raise self.troubles.pop(0)
            with super().append(key) as sink:
                yield sink
        finally:
            with self._lock:
                self._now -= 1


class Noted(ThreadPoolExecutor):
    """Says when something is submitted. submitted: how often that was."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.submitted, self.is_submitted = 0, threading.Semaphore(0)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **options: Any) -> "Future[Any]":
        made = super().submit(fn, *args, **options)
        self.submitted += 1
        self.is_submitted.release()
        return made


class Bench:
    """The pipeline of a stream that is recorded, and what it writes and sends."""

    def __init__(self, folder: Path) -> None:
        self.storage = LocalStorage(folder)
        self.objects = Gated(folder)
        self.sent: list[RecordingOpened | RecordingClosed] = []
        self.refusals: list[Exception] = []
        self.told = threading.Semaphore(0)
        self.threads = Noted(4)
        self.made = 0

    def pipeline(self, threads: ThreadPoolExecutor | None = None) -> Pipeline:
        recorder = Recorder(SPEC.id, SPEC.user_id, "ingest", SPEC.record)
        writer = RecordingWriter(self.objects, self._send, SPEC.id)
        return Pipeline(SPEC.started_at, MemoryPackets(), recorder, writer, threads or self.threads)

    def _send(self, message: RecordingOpened | RecordingClosed) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(message)
        self.told.release()

    async def accept(self, made: Pipeline, pictures: int) -> None:
        if not self.made:
            await made.begin()
            await made.accept(CONFIG)
        for _ in range(pictures):
            await made.accept(picture())
        self.made += pictures

    def pictures(self) -> int:
        """How many there are in the recording, which is whole, and as its messages say."""
        opened, closed = self.sent
        assert isinstance(closed, RecordingClosed)
        assert (closed.id, closed.opened) == (opened.id, opened)
        self.storage.resumable().finish(key := recording_key(SPEC.id, opened.id))
        with self.storage.open(key) as source:
            content = source.read()
        assert (len(content), closed.frames) == (closed.size_bytes, content.count(PICTURE))
        assert len(content) == 8 + closed.frames * (12 + len(PICTURE))
        return closed.frames


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(pipeline, "_RECORD_SECONDS", 0.01)
    made = Bench(tmp_path)
    yield made
    made.objects.gate.set()
    made.threads.shutdown()


async def noticed(what: threading.Semaphore, times: int = 1) -> None:
    for _ in range(times):
        assert await asyncio.to_thread(what.acquire, timeout=120)


def test_a_stream_that_ends_while_its_recording_is_written_is_written_once(bench: Bench) -> None:
    async def steps() -> None:
        made = bench.pipeline()
        recording = asyncio.create_task(made.record())
        await bench.accept(made, 3)
        await noticed(bench.objects.reached)
        await bench.accept(made, 2)
        await cancelled(recording)
        ending = asyncio.create_task(made.end(RecordingEnd.STOPPED))
        asyncio.get_running_loop().call_soon(goes_on)  # after its first step, which would begin a second writer
        await ending

    def goes_on() -> None:
        begun.append(bench.threads.submitted)
        bench.objects.gate.set()

    begun: list[int] = []
    asyncio.run(steps())
    assert begun == [1]
    assert bench.objects.writers == 1
    assert bench.pictures() == 5


def test_a_stream_that_ends_while_its_recording_waits_for_a_thread_loses_nothing(bench: Bench) -> None:
    bench.objects.gate.set()

    async def steps(threads: Noted) -> None:
        made = bench.pipeline(threads)
        busy = threading.Event()
        threads.submit(busy.wait, 120)
        recording = asyncio.create_task(made.record())
        await bench.accept(made, 3)
        await noticed(threads.is_submitted, 2)
        await bench.accept(made, 2)
        await cancelled(recording)
        ending = asyncio.create_task(made.end(RecordingEnd.STOPPED))
        asyncio.get_running_loop().call_soon(busy.set)  # after its first step
        await ending

    with Noted(1) as threads:
        asyncio.run(steps(threads))
    assert bench.pictures() == 5


@pytest.mark.parametrize("trouble", [RuntimeError("a fault of ours"), amqp.NotFound("no exchange")])
def test_a_recording_goes_on_after_an_error_that_nobody_knows(bench: Bench, trouble: Exception) -> None:
    (bench.refusals if isinstance(trouble, amqp.NotFound) else bench.objects.troubles).append(trouble)
    bench.objects.gate.set()

    async def steps() -> None:
        made = bench.pipeline()
        recording = asyncio.create_task(made.record())
        await bench.accept(made, 3)
        await noticed(bench.told)
        await bench.accept(made, 2)
        assert not recording.done()
        await cancelled(recording)
        await made.end(RecordingEnd.STOPPED)

    asyncio.run(steps())
    assert bench.pictures() == 5


def test_where_written_bytes_are_gone_the_recording_ends_and_another_begins(bench: Bench) -> None:
    bench.objects.troubles.append(NotFound("the tail"))
    bench.objects.gate.set()

    async def steps() -> None:
        made = bench.pipeline()
        recording = asyncio.create_task(made.record())
        await bench.accept(made, 3)
        await noticed(bench.told, 2)
        assert made.recording == (None, "storage_unavailable")
        await cancelled(recording)
        await made.end(RecordingEnd.STOPPED)

    asyncio.run(steps())
    assert isinstance(bench.sent[1], RecordingClosed)
    assert bench.sent[1].reason is RecordingEnd.STORAGE_FULL


def test_what_was_written_before_a_disk_failed_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    writer = RecordingWriter(storage.resumable(), lambda _: None, "stream")
    writer.deliver([Written("one", b"init")])
    sync, answers = os.fsync, [OSError(errno.EIO, "Input/output error")]

    def fsync(handle: int) -> None:
        if answers:
            raise answers.pop()
        sync(handle)

    monkeypatch.setattr("contracts.storage.local.os.fsync", fsync)
    assert writer.deliver([Written("one", b"first"), Written("one", b"second")]) is None
    assert not answers
    writer.deliver([Written("one", b"third")])
    assert content(storage) == b"initfirstsecondthird"


@pytest.mark.distributed
def test_what_a_bucket_took_before_it_refused_the_rest_is_not_written_again(bucket: Bucket) -> None:
    storage = bucket.storage()
    objects = S3Resumable(storage._client, bucket.name, storage._name, 5 * MIB)
    writer = RecordingWriter(objects, lambda _: None, "stream")
    writer.deliver([Written("one", b"init")])
    refused: list[Any] = []

    def refuse(request: Any, **_: Any) -> None:
        if request.url.endswith("-tail") and not refused:
            refused.append(request.url)
            raise ConnectionResetError

    storage._client.meta.events.register("before-send.s3.PutObject", refuse)
    parts = [bytes([number]) * 3 * MIB for number in range(1, 5)]
    assert writer.deliver([Written("one", part) for part in parts[:2]]) is None
    assert refused
    writer.deliver([Written("one", part) for part in parts[2:]])
    assert content(storage) == b"init" + b"".join(parts)


def content(storage: Storage) -> bytes:
    storage.resumable().finish(key := recording_key("stream", "one"))
    with storage.open(key) as source:
        return source.read()
