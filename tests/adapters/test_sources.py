"""What ingest expects of a source, for all kinds that it reads by itself; the servers are processes of their own."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import av
import psutil
import pytest
import redis
import redis.asyncio

from contracts.live import keys
from contracts.live.streams import Kind, Reason, StreamSpec
from contracts.storage.local import LocalStorage
from contracts.storage.port import video_key
from ingest.sources.port import Source, SourceConfig, SourceFailed, SourcePacket
from ingest.sources.registry import Means, source_of
from tests.support.servers import media_server
from tests.support.servers.processes import ServerProcess, running
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.videos.live import fragmented, jpegs, multipart, sliced

LOOPBACK = ip_network("127.0.0.0/8")
SIZE = (160, 96)
FRAMES = 50
STREAM_ID = "5b1f4d36-32a3-4d0c-9a5e-5f0a3a3f7a10"
# By what is read: the codec in it.
CODECS = {
    "rtsp": "h264",
    "rtsp h265": "hevc",
    "mjpeg": "mjpeg",
    "ts": "h264",
    "mp4": "h264",
    "video": "h264",
    "push": "mjpeg",
}
# One for each way to read.
READERS = [name for name in CODECS if name != "rtsp h265"]
T = TypeVar("T")


@dataclass
class Feed:
    """What a source reads. kill: its server, or what stands for it. freeze: the same. lost: the reason that follows."""

    kind: Kind
    address: str
    kill: Callable[[], object]
    freeze: Callable[[], object]
    lost: Reason
    port: int | None = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos for the servers."""
    made = tmp_path_factory.mktemp("live")
    ordered, plain = clip(frames=FRAMES, b_frames=2), clip(frames=FRAMES, b_frames=0)
    (made / "h264.mp4").write_bytes(plain.content)
    (made / "h265.mp4").write_bytes(clip(codec="libx265", frames=FRAMES, b_frames=0).content)
    storage = LocalStorage(made / "storage")
    with storage.create(video_key("clip")) as sink:
        sink.write(ordered.content)
    media_server.write(made / "ts", "video/mp2t", sliced(clip("mpegts", frames=FRAMES).content, FRAMES))
    media_server.write(made / "mp4", "video/mp4", sliced(fragmented(ordered), FRAMES))
    media_server.write(made / "mjpeg", "multipart/x-mixed-replace; boundary=frame", multipart(jpegs(FRAMES)))
    return made


@pytest.fixture(params=CODECS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def feed(name: str, folder: Path, valkey: Valkey) -> Iterator[Feed]:
    """A running server of each kind."""
    if name == "push":
        with pushing(valkey) as stop:
            yield Feed("push", "", stop, stop, Reason.WAITING_FOR_SENDER)
    elif name == "video":
        yield Feed(
            "video", "", lambda: signalled(signal.SIGKILL), lambda: signalled(signal.SIGSTOP), Reason.SOURCE_BROKEN
        )
    elif name.startswith("rtsp"):
        with running("rtsp_server", str(folder)) as server:
            file = "h265.mp4" if name.endswith("h265") else "h264.mp4"
            address = f"rtsp://127.0.0.1:{server.port}/{file}?play_count=0"
            yield Feed("rtsp", address, server.kill, server.freeze, Reason.LOST, server.port)
    else:
        with running("media_server", str(folder)) as server:
            address = f"http://127.0.0.1:{server.port}/{name}"
            yield Feed("http", address, server.kill, server.freeze, Reason.LOST, server.port)


@contextmanager
def pushing(valkey: Valkey) -> Iterator[Callable[[], object]]:
    """A sender of images in a thread; what is yielded stops it."""
    import threading

    stop = threading.Event()

    def send() -> None:
        with redis.Redis.from_url(valkey.url) as client:
            client.delete(keys.pushed(STREAM_ID))
            for number, picture in enumerate(jpegs(FRAMES) * 20):
                client.xadd(keys.pushed(STREAM_ID), {b"j": picture, b"t": b"" if number % 2 else b"%f" % time.time()})
                if stop.wait(0.04):
                    return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield stop.set
    finally:
        stop.set()
        thread.join()


def children() -> list[psutil.Process]:
    """The processes that sources have started, and that have not been waited for."""
    found = psutil.Process().children()
    return [one for one in found if one.status() == "zombie" or "ingest.sources" in str(one.cmdline())]


def signalled(number: signal.Signals) -> None:
    for child in children():
        os.kill(child.pid, number)


def nothing_left(feed: Feed) -> bool:
    """Whether a closed source has left no process and no connection."""
    ports = {one.raddr.port for one in psutil.Process().net_connections("tcp") if one.raddr}
    return not children() and feed.port not in ports


def with_source(
    feed: Feed,
    folder: Path,
    valkey: Valkey,
    act: Callable[[Source], Awaitable[T]],
    silent: float = 10,
    video_id: str = "clip",
) -> T:
    """What act returns for a source that is open, and closed at the end."""

    async def run() -> T:
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            means = Means((LOOPBACK,), LocalStorage(folder / "storage"), client, silent)
            spec = StreamSpec(STREAM_ID, "user", feed.kind, 1, 0, "model", video_id=video_id)
            source = source_of(spec, feed.address, means)
            try:
                await source.open()
                return await act(source)
            finally:
                await source.close()
                await source.close()
                assert nothing_left(feed)

    return asyncio.run(run())


async def some(source: Source, count: int) -> list[SourceConfig | SourcePacket]:
    async with asyncio.timeout(30):
        return [await source.read() for _ in range(count)]


async def reading(source: Source, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await source.read()


def test_configuration_then_keyframe_then_packets_at_their_pace(
    name: str, feed: Feed, folder: Path, valkey: Valkey
) -> None:
    config, *items = with_source(feed, folder, valkey, lambda source: some(source, 21))
    assert isinstance(config, SourceConfig)
    assert (config.codec, config.width, config.height) == (CODECS[name], *SIZE)
    packets = [one for one in items if isinstance(one, SourcePacket)]
    assert len(packets) == 20
    assert packets[0].key
    assert decoded(config, packets) >= 15  # the last ones may belong to a later picture
    arrivals = [one.arrival for one in packets]
    assert arrivals == sorted(arrivals)
    assert abs(arrivals[-1] - time.time()) < 60
    times = [one.dts if one.dts is not None else one.pts for one in packets]
    known = [one for one in times if one is not None]
    assert known == sorted(set(known))
    if name not in ("mjpeg", "push"):  # which have no times, or those of the sender
        assert len(known) == len(packets)
        assert {later - earlier for earlier, later in pairwise(known)} == {3600}


@pytest.mark.parametrize("name", READERS, indirect=True)
def test_a_source_that_freezes_can_be_cancelled(feed: Feed, folder: Path, valkey: Valkey) -> None:
    async def cancelled(source: Source) -> None:
        await some(source, 3)
        feed.freeze()
        with pytest.raises(TimeoutError):
            await reading(source, 0.3)

    with_source(feed, folder, valkey, cancelled)


@pytest.mark.parametrize("name", READERS, indirect=True)
def test_a_source_that_is_killed_fails(feed: Feed, folder: Path, valkey: Valkey) -> None:
    async def until_it_fails(source: Source) -> SourceFailed:
        await some(source, 3)
        feed.kill()
        with pytest.raises(SourceFailed) as failed:
            await reading(source, 30)
        return failed.value

    error = with_source(feed, folder, valkey, until_it_fails, silent=1)
    assert (error.reason, error.permanent) == (feed.lost, False)


def decoded(config: SourceConfig, packets: list[Any]) -> int:
    """How many frames of the size that was told come out."""
    decoder: Any = av.CodecContext.create(config.codec, "r")
    decoder.extradata = config.extradata or None
    frames = [frame for one in packets for frame in decoder.decode(av.Packet(one.data))] + decoder.decode(None)
    assert {(frame.width, frame.height) for frame in frames} == {SIZE}
    return len(frames)


def http(server: ServerProcess, name: str) -> Feed:
    return Feed("http", f"http://127.0.0.1:{server.port}/{name}", server.kill, server.freeze, Reason.LOST, server.port)


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
            await reading(source, 30)
        return failed.value

    with running("media_server", str(folder)) as server:
        error = with_source(http(server, "ts"), folder, valkey, until_it_fails)
    assert (error.reason, error.permanent) == (Reason.SOURCE_BROKEN, False)


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


def test_a_deleted_video_is_told(folder: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.video._ASK_SECONDS", -1)
    storage = put(folder, "gone", clip(frames=5).content)

    async def until_it_fails(source: Source) -> SourceFailed:
        await some(source, 3)
        storage.delete(video_key("gone"))
        with pytest.raises(SourceFailed) as failed:
            await reading(source, 30)
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
