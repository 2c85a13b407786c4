"""What is particular to kinds of sources: demuxers in a sandbox, stored videos, pushed images."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import redis.asyncio

from contracts.live import keys
from contracts.live.streams import Reason, StreamSpec
from contracts.storage.local import LocalStorage
from contracts.storage.port import video_key
from ingest.sources.demux.process import DemuxProcess
from ingest.sources.port import Source, SourceConfig, SourceFailed, SourcePacket
from ingest.sources.registry import source_of
from ingest.sources.video import VideoSource
from tests.support.fakes import MemoryStorage
from tests.support.live.live_sources import (
    SIZE,
    STREAM_ID,
    Feed,
    T,
    children,
    http,
    reading,
    signalled,
    some,
    with_source,
)
from tests.support.servers import media_server
from tests.support.servers.processes import running
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.videos.live import jpegs, sliced

# Reads the video "clip" of a storage for a minute.
PARENT = """
import asyncio, sys
from contracts.storage.local import LocalStorage
from ingest.sources.video import VideoSource

async def run():
    source = VideoSource("clip", LocalStorage(sys.argv[1]))
    await source.open()
    await source.read()
    print(flush=True)
    await asyncio.sleep(60)

asyncio.run(run())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the servers, and for the storage."""
    made = tmp_path_factory.mktemp("live")
    media_server.write(made / "ts", "video/mp2t", sliced(clip("mpegts", frames=50).content, 50))
    put(made, "clip", clip(frames=50).content)
    return made


def test_a_stream_begins_with_a_keyframe_and_its_size_may_change(folder: Path, valkey: Valkey) -> None:
    """From the middle of a group of pictures on; then the camera is set to another size."""
    first, second = clip("mpegts", frames=40), clip("mpegts", frames=40, size=(320, 192))
    begun = first.content[(len(first.content) // 188 // 8) * 188 :]
    media_server.write(folder / "change", "video/mp2t", sliced(begun, 4) + sliced(second.content, 4))
    with running("media_server", str(folder)) as server:
        items = with_source(http(server, "change"), folder, valkey, lambda source: some(source, 60))
    configs = [number for number, one in enumerate(items) if isinstance(one, SourceConfig)]
    sizes = [(one.width, one.height) for one in items if isinstance(one, SourceConfig)]
    assert sizes == [SIZE, (320, 192)]
    assert configs[0] == 0
    assert configs[1] < 40
    assert all(getattr(items[number + 1], "key", False) for number in configs)


def test_a_demuxer_that_is_killed_is_told_apart(folder: Path, valkey: Valkey) -> None:
    async def until_it_fails(source: Source) -> SourceFailed:
        await some(source, 3)
        signalled(signal.SIGKILL)
        with pytest.raises(SourceFailed) as failed:
            await reading(source, 120)
        return failed.value

    with running("media_server", str(folder)) as server:
        error = with_source(http(server, "ts"), folder, valkey, until_it_fails)
    assert (error.reason, error.permanent) == (Reason.SOURCE_BROKEN, False)


def test_a_demuxer_has_no_network_and_opens_no_file(folder: Path, valkey: Valkey) -> None:
    async def confined(source: Source) -> dict[str, str]:
        await some(source, 2)
        (child,) = children()
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        assert "Max open files            0                    0" in limits
        assert not {"STREAM_SECRET_KEY", "DATABASE_URL"} & child.environ().keys()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    with pytest.MonkeyPatch.context() as patch, running("media_server", str(folder)) as server:
        patch.setenv("STREAM_SECRET_KEY", "x" * 40)
        status = with_source(http(server, "ts"), folder, valkey, confined)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_a_demuxer_ends_with_its_parent(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(folder / "storage")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
        child.wait(30)


def test_few_demuxers_start_at_once_and_all_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that start together would each take longer than a stream may be silent."""
    starting: list[DemuxProcess] = []
    most = 0
    begin, message = DemuxProcess._begin, DemuxProcess._message

    def counted(one: DemuxProcess) -> Any:
        nonlocal most
        starting.append(one)
        most = max(most, len(starting))
        return begin(one)

    async def ended(one: DemuxProcess) -> Any:
        found = await message(one)
        if one in starting:
            starting.remove(one)
        return found

    monkeypatch.setattr(DemuxProcess, "_begin", counted)
    monkeypatch.setattr(DemuxProcess, "_message", ended)

    async def read(source: Source) -> Any:
        await source.open()
        try:
            return await source.read()
        finally:
            await source.close()

    async def scenario() -> list[Any]:
        return await asyncio.gather(*(read(VideoSource("clip", LocalStorage(folder / "storage"))) for _ in range(4)))

    assert all(isinstance(item, SourceConfig) for item in asyncio.run(scenario()))
    assert most == 2
    assert not children()


def stored(folder: Path, video_id: str, valkey: Valkey, act: Callable[[Source], Awaitable[T]]) -> T:
    """What act returns for a stored video."""
    feed = Feed("video", "", lambda: None, lambda: None, Reason.SOURCE_MISSING)
    return with_source(feed, folder, valkey, act, video_id=video_id)


def put(folder: Path, video_id: str, content: bytes) -> LocalStorage:
    storage = LocalStorage(folder / "storage")
    with storage.create(video_key(video_id)) as sink:
        sink.write(content)
    return storage


def test_a_stored_video_goes_on_from_its_end_to_its_start(folder: Path, valkey: Valkey) -> None:
    put(folder, "short", clip(frames=5, b_frames=0, clockwise=90).content)
    config, *packets = stored(folder, "short", valkey, lambda source: some(source, 13))
    assert isinstance(config, SourceConfig)
    assert config.rotation == 90
    assert [one.dts for one in packets if isinstance(one, SourcePacket)] == [n * 3600 for n in range(12)]
    assert [n for n, one in enumerate(packets) if isinstance(one, SourcePacket) and one.key] == [0, 5, 10]


def test_a_video_of_a_bucket_is_read_by_its_parent(folder: Path, valkey: Valkey) -> None:
    """As any object that is no file: the child asks for ranges."""
    storage = MemoryStorage()
    with storage.create(video_key("clip")) as sink:
        sink.write(clip(frames=5, b_frames=0).content)
    feed = Feed("video", "", lambda: None, lambda: None, Reason.SOURCE_MISSING)
    _, *packets = with_source(feed, folder, valkey, lambda source: some(source, 8), storage=storage)
    assert [one.dts for one in packets if isinstance(one, SourcePacket)] == [n * 3600 for n in range(7)]


def test_a_deleted_video_is_told(folder: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.video._ASK_SECONDS", -1)
    storage = put(folder, "gone", clip(frames=5).content)

    async def until_it_fails(source: Source) -> SourceFailed:
        await some(source, 3)
        storage.delete(video_key("gone"))
        with pytest.raises(SourceFailed) as failed:
            await reading(source, 120)
        return failed.value

    error = stored(folder, "gone", valkey, until_it_fails)
    assert (error.reason, error.permanent) == (Reason.SOURCE_MISSING, True)
    with pytest.raises(SourceFailed) as failed:
        stored(folder, "gone", valkey, lambda source: some(source, 1))
    assert (failed.value.reason, failed.value.permanent) == (Reason.SOURCE_MISSING, True)


def test_a_file_that_is_no_video_is_told(folder: Path, valkey: Valkey) -> None:
    put(folder, "text", b"no video" * 100)
    with pytest.raises(SourceFailed) as failed:
        stored(folder, "text", valkey, lambda source: some(source, 1))
    assert (failed.value.reason, failed.value.permanent) == (Reason.NOT_A_STREAM, True)


def test_of_pushed_images_the_newest_is_read_and_an_old_one_is_none(folder: Path, valkey: Valkey) -> None:
    pictures = jpegs(3)

    async def newest(source: Source) -> list[SourceConfig | SourcePacket]:
        with redis.Redis.from_url(valkey.url) as client:
            for picture in pictures:
                client.xadd(keys.pushed(STREAM_ID), {b"j": picture, b"t": b"1800000000.5"})
        return await some(source, 2)

    with redis.Redis.from_url(valkey.url) as client:
        client.delete(keys.pushed(STREAM_ID))
        client.xadd(keys.pushed(STREAM_ID), {b"j": b"old"}, id="1-0")
    feed = Feed("push", "", lambda: None, lambda: None, Reason.WAITING_FOR_SENDER)
    config, packet = with_source(feed, folder, valkey, newest)
    assert config == SourceConfig("mjpeg", b"", *SIZE)
    assert isinstance(packet, SourcePacket)
    assert (packet.data, packet.lost, packet.wall) == (pictures[-1], 2, 1_800_000_000.5)


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    means: Any = None
    spec: Any = StreamSpec(STREAM_ID, "user", "carrier pigeon", 1, 0, "model")  # type: ignore[arg-type]
    with pytest.raises(SourceFailed, match="rtsp, http, video, push") as failed:
        source_of(spec, "", means)
    assert failed.value.permanent
