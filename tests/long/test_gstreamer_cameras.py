"""RTSP as another maker's server speaks it: GStreamer's."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.sources.rtsp.source import RtspSource
from tests.support.live.live_sources import SIZE, decoded, some
from tests.support.requirements import missing
from tests.support.servers import processes
from tests.support.servers.processes import ServerProcess
from tests.support.videos.clips import clip

SERVER = Path(processes.__file__).with_name("gst_server.py")
CASES = {
    "h264": ("a.mp4", "rtph264pay", clip(codec="libx264", frames=100, b_frames=2)),
    "hevc": ("a.mp4", "h265parse ! rtph265pay", clip(codec="libx265", frames=100, b_frames=0)),
    "mjpeg": ("a.avi", "rtpjpegpay", clip("avi", "mjpeg", frames=100, every=1, b_frames=0)),
}


PYTHON = "/usr/bin/python3"  # for which Debian packages GStreamer


@pytest.fixture(autouse=True, scope="module")
def gstreamer() -> None:
    asked = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if subprocess.run([PYTHON, "-c", asked], capture_output=True, check=False).returncode:
        missing("not installed: gir1.2-gst-rtsp-server-1.0 (tools/install-debian-packages long installs it)")


@contextmanager
def serving(folder: Path, codec: str) -> Iterator[ServerProcess]:
    name, payloader, made = CASES[codec]
    (folder / name).write_bytes(made.content)
    command = [PYTHON, str(SERVER), str(folder / name), payloader, "viewer", "s3cr@t"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield ServerProcess(process, int(process.stdout.readline()))
        finally:
            process.kill()


async def read(
    server: ServerProcess, login: str = "viewer:s3cr%40t", kill: bool = False
) -> list[SourceConfig | SourcePacket]:
    source = RtspSource(f"rtsp://{login}@127.0.0.1:{server.port}/stream", (ip_network("127.0.0.0/8"),))
    try:
        await source.open()
        items = await some(source, 31)
        if kill:
            server.kill()
            await some(source, 1000)
        return items
    finally:
        await source.close()


@pytest.mark.parametrize("codec", CASES)
def test_its_streams_are_read(tmp_path: Path, codec: str) -> None:
    with serving(tmp_path, codec) as server:
        config, *items = asyncio.run(read(server))
    packets = [one for one in items if isinstance(one, SourcePacket)]
    assert isinstance(config, SourceConfig)
    assert (config.codec, config.width, config.height) == (codec, *SIZE)
    assert packets[0].key
    assert decoded(config, packets) >= 25
    assert {one.lost for one in packets} == {0}
    times = sorted(one.pts for one in packets if one.pts is not None)
    assert times[10] - times[0] == 36_000
    assert (codec != "h264") == (times == [one.pts for one in packets])  # B-frames


@pytest.mark.parametrize(
    ("login", "kill", "reason"), [("viewer:no", False, Reason.UNAUTHORIZED), ("viewer:s3cr%40t", True, Reason.LOST)]
)
def test_its_failures_have_reasons(tmp_path: Path, login: str, kill: bool, reason: Reason) -> None:
    with serving(tmp_path, "h264") as server, pytest.raises(SourceFailed) as failed:
        asyncio.run(read(server, login, kill))
    assert failed.value.reason is reason
