"""The storage in an object store, beside what every storage must do: what it moves, what it makes of failures."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from contracts.errors import NotFound, StorageFull, StorageUnavailable
from contracts.models.catalogue import Catalogue
from contracts.results import chunk_codec
from contracts.results.codec import Block
from contracts.settings.table import Settings
from contracts.storage.port import result_key
from contracts.storage.s3 import S3Storage
from contracts.storage.s3_client import S3Access
from detector.chunk_attempt import HAND_BACK_SECONDS, perform
from detector.context import Services
from detector.decode.frames import decode
from detector.decode.parent import Budget, Decoders
from processor.probe.ask import probe
from tests.adapters.test_storage import get, put, sweep
from tests.media.test_inference import FakeEngines
from tests.support.fakes import MemoryResultStore
from tests.support.servers.s3 import Bucket, Line, ObjectStore
from tests.support.videos.clips import JOB, VIDEO_KEY, Clip, chunks, clip, pixels, sequential

MIB = 1024 * 1024

pytestmark = pytest.mark.distributed


@pytest.fixture
def line(object_store: ObjectStore) -> Iterator[Line]:
    with Line(object_store.port) as running:
        yield running


def noisy(frames: int) -> Clip:
    """A clip of some 100 KB a frame."""
    size = (640, 360)
    images = (np.random.default_rng(n).integers(0, 256, (*size[::-1], 3), np.uint8) for n in range(frames))
    return clip("mp4", size=size, frames=frames, images=images)


def test_an_aborted_upload_leaves_neither_object_nor_parts(bucket: Bucket) -> None:
    storage = bucket.storage()
    with pytest.raises(RuntimeError, match="away"):
        abort_after(storage, 20 * MIB)
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def abort_after(storage: S3Storage, size: int) -> None:
    with storage.create(VIDEO_KEY) as sink:
        sink.write(bytes(size))
        raise RuntimeError("the client went away")


def test_a_small_object_takes_one_request_each_way(bucket: Bucket) -> None:
    storage, before = bucket.storage(), len(bucket.store.requests())
    put(storage, VIDEO_KEY, bytes(100_000))
    assert get(storage, VIDEO_KEY) == bytes(100_000)
    assert len(bucket.store.requests()) - before == 2


def test_the_largest_upload_fits_into_the_parts_that_there_may_be(bucket: Bucket) -> None:
    assert bucket.storage()._part_bytes == bucket.storage(largest_bytes=20 * 1024**3)._part_bytes == 8 * MIB
    for largest in (80 * 1024**3, 5 * 1024**4):
        size = bucket.storage(largest_bytes=largest)._part_bytes
        assert largest / size <= 10_000
        assert size % MIB == 0


def test_a_reader_does_not_mix_two_objects(bucket: Bucket) -> None:
    storage = bucket.storage()
    put(storage, VIDEO_KEY, b"a" * 3 * MIB)
    with storage.open(VIDEO_KEY) as source:
        assert source.read(10) == b"a" * 10
        put(storage, VIDEO_KEY, b"b" * 3 * MIB)
        source.seek(2 * MIB)
        with pytest.raises(StorageUnavailable, match="replaced"):
            source.read(10)
        storage.delete(VIDEO_KEY)
        with pytest.raises(NotFound):
            source.read(10)


def test_sweeping_takes_what_stands_still_and_nothing_else(bucket: Bucket) -> None:
    """The server dates every upload 2010, and its parts by the clock."""
    storage, client = bucket.storage(), bucket.store.client
    put(storage, "videos/kept/content", bytes(20 * MIB))
    stale = "web/detector/videos/stale/content"
    client.create_multipart_upload(Bucket=bucket.name, Key=stale)
    client.create_multipart_upload(Bucket=bucket.name, Key="others/upload")
    with storage.create(VIDEO_KEY) as sink:
        sink.write(bytes(9 * MIB))
        assert sweep(storage, 10**9) == 0
        assert sweep(storage, 60) == 1
        assert bucket.uploads() == ["others/upload", VIDEO_KEY]
    assert bucket.keys() == ["videos/kept/content", VIDEO_KEY]
    assert bucket.uploads() == ["others/upload"]


def test_an_upload_that_ends_while_we_look_is_passed_over(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, client = bucket.storage(), bucket.store.client
    for name in "ab":
        client.create_multipart_upload(Bucket=bucket.name, Key=f"web/detector/{name}")
    look = storage._last_part

    def too_late(name: str, upload: str, begun: datetime) -> datetime:
        if name.endswith("a"):
            client.abort_multipart_upload(Bucket=bucket.name, Key=name, UploadId=upload)
        return look(name, upload, begun)

    monkeypatch.setattr(storage, "_last_part", too_late)
    assert sweep(storage, 60) == 1
    assert bucket.uploads() == []


def test_a_chunk_in_the_middle_is_read_and_not_the_video(bucket: Bucket, line: Line) -> None:
    made = noisy(160)
    assert len(made.content) > 14 * MIB
    put(bucket.storage(), VIDEO_KEY, made.content)
    storage, before = bucket.storage(line.url), len(bucket.store.requests("GET"))
    with storage.open(VIDEO_KEY) as source:
        chunk = chunks(made, [0, 84, 96])[1]
        found = [(chunk.times[place], pixels(frame)) for place, frame in decode(source, chunk)]
    assert found == sequential(made)[84:96]
    assert line.received < len(made.content) / 2
    assert len(bucket.store.requests("GET")) - before <= 6


def test_a_line_that_breaks_costs_no_frame(bucket: Bucket, line: Line, tmp_path: Path) -> None:
    made = noisy(48)
    put(bucket.storage(), VIDEO_KEY, made.content)
    chunk = chunks(made, [0, 24, 36])[1]
    decoders = Decoders(Budget(10**9, 10**12))
    services = Services(
        Catalogue(tmp_path), bucket.storage(line.url), MemoryResultStore(60), FakeEngines(tmp_path), decoders, "w", 15
    )
    line.cut(600_000)  # behind the first range, in the midst of a later one
    assert perform(chunk, services, 0) == HAND_BACK_SECONDS
    assert services.store.get_chunk(JOB, chunk.index) is None
    assert services.store.attempts(JOB) == {}
    with pytest.raises(StorageUnavailable):
        probe(services.storage, Settings(), VIDEO_KEY)
    line.mend()
    assert perform(chunk, services, 1) is None
    result = chunk_codec.decode(services.store.get_chunk(JOB, chunk.index) or b"")
    assert isinstance(result, Block)
    assert result.time.tolist() == list(chunk.times)
    assert probe(services.storage, Settings(), VIDEO_KEY).media is not None
    decoders.close()


def test_one_hiccup_is_not_even_seen(bucket: Bucket, line: Line) -> None:
    data = random.Random(1).randbytes(6 * MIB)
    put(bucket.storage(), VIDEO_KEY, data)
    with bucket.storage(line.url).open(VIDEO_KEY) as source:
        line.cut(500_000)
        mending = threading.Timer(0.2, line.mend)
        mending.start()
        assert source.read() == data
        mending.join()


def test_a_broken_upload_leaves_what_was_there(bucket: Bucket, line: Line) -> None:
    put(bucket.storage(), VIDEO_KEY, b"old")
    storage = bucket.storage(line.url)
    with pytest.raises(StorageUnavailable), storage.create(VIDEO_KEY) as sink:
        write_and_cut(sink, line)
    assert get(bucket.storage(), VIDEO_KEY) == b"old"
    line.mend()
    assert sweep(storage, 0) == 1  # not even the abort got through
    assert bucket.uploads() == []


def write_and_cut(sink: BinaryIO, line: Line) -> None:
    sink.write(bytes(8 * MIB))
    line.cut()
    sink.write(bytes(8 * MIB))


class Refusing(BaseHTTPRequestHandler):
    """An object store that refuses, as its path says: /STATUS/CODE."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, status, code, *_ = self.path.split("/")
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = do_PUT  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ("507/XMinioStorageFull", StorageFull, "free some room"),
        ("403/QuotaExceeded", StorageFull, "free some room"),
        ("403/AccessDenied", StorageUnavailable, "AccessDenied"),
        ("404/NoSuchBucket", StorageUnavailable, "NoSuchBucket"),
    ],
)
def test_a_refusal_has_its_name(answer: str, error: type[Exception], text: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        access = S3Access(f"http://127.0.0.1:{server.server_port}/{answer}", "us-east-1", "key", "hush")
        storage = S3Storage("bucket", "", access)
        with pytest.raises(error, match=text) as caught:
            put(storage, VIDEO_KEY, b"x")
        server.shutdown()
    assert "hush" not in str(caught.value)


def test_memory_does_not_grow_with_the_object(bucket: Bucket) -> None:
    """In a process of its own, since what matters is the most that it ever had."""
    code = (
        "import resource, sys\n"
        "from contracts.settings.load import load\n"
        "from contracts.storage.open import open_storage\n"
        "storage = open_storage(load('detector'))\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "def trip(size):\n"
        "    with storage.create('videos/x/content') as sink:\n"
        "        for _ in range(size): sink.write(bytes(1024 * 1024))\n"
        "    with storage.open('videos/x/content') as source:\n"
        "        while source.read(32768): pass\n"
        "trip(2)\n"
        "before = peak()\n"
        "trip(96)\n"
        "print(peak() - before)\n"
    )
    environ = {**os.environ, **bucket.settings(), "BROKER_URL": "memory://", "RESULT_STORE_URL": "redis://nowhere"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 48 * 1024, "KiB"


def test_keys_lie_under_the_prefix(bucket: Bucket) -> None:
    put(bucket.storage(), result_key("a", "b"), b"1")
    names = bucket.store.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert [item["Key"] for item in names] == ["web/detector/videos/a/jobs/b/result"]
