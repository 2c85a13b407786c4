"""What ingest expects of a source, for all kinds that it reads by itself; the servers are processes of their own."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import redis
import redis.asyncio

from contracts.live import keys
from contracts.live.streams import Reason
from contracts.storage.local import LocalStorage
from contracts.storage.port import video_key
from ingest.sources.port import Source, SourceConfig, SourceFailed, SourcePacket
from tests.support.live.live_sources import SIZE, STREAM_ID, Feed, decoded, reading, signalled, some, with_source
from tests.support.servers import media_server
from tests.support.servers.processes import running
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.videos.live import fragmented, jpegs, multipart, sliced

FRAMES = 50
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
            await reading(source, 120)
        return failed.value

    error = with_source(feed, folder, valkey, until_it_fails, silent=1)
    assert (error.reason, error.permanent) == (feed.lost, False)
