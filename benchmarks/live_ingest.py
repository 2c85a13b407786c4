"""What cameras and a webcam cost the ingest, in processor time: `make bench-ingest`.

    make bench-ingest [CAMERAS=8] [FPS=20] [SECONDS=20]

One ingest process reads so many RTSP cameras of 1280x720 (2 Mbit/s each), then one webcam of 640x480 at 30 frames/s,
which headless Chromium sends by WHIP. Nothing reads the packets, and nothing is recorded. Its user and system time
counts, so that other work on the machine matters little; the goals stand beside the figures.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil

from api.live.whip_calls import ANSWER_SECONDS, WhipCalls
from benchmarks.report import ROOT, full, record, spread, table, told
from contracts.coordination.leases import Replies
from contracts.live.streams import StreamState
from tests.support.chromium import running_chromium
from tests.support.live.ingests import Ingests, ingests
from tests.support.live.whip_browser import LoopThread, leave, send_webcam
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

SIZE = (1280, 720)
BIT_RATE = 2_000_000
GOALS = {"camera": 1.0, "webcam": 4.0}
ROUNDS = 3
CAMERAS_PER_SERVER = 4  # it has a thread for each, and few of them
# From the start of a source to the first round: a webcam's bit rate rises meanwhile.
WARM_SECONDS = 6
_WEBCAM = (
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


def film(path: Path, fps: int) -> None:
    """What a camera sees: noise that stays, and a bar that moves, at its bit rate."""
    width, height = SIZE
    still = np.random.default_rng(3).integers(0, 160, (height // 8, width // 8, 3), np.uint8)
    still = still.repeat(8, 0).repeat(8, 1)
    options = {"preset": "superfast", "tune": "zerolatency", "x264-params": f"keyint={2 * fps}"}
    with av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *SIZE, "yuv420p", BIT_RATE
        moving = np.random.default_rng(4)
        for number in range(6 * fps):
            picture = still.copy()
            left = number * 8 % (width - 160)
            picture[:, left : left + 160] = moving.integers(0, 255, (height, 160, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())


@contextmanager
def cameras(folder: Path, number: int, fps: int) -> Iterator[list[str]]:
    """The addresses of so many cameras."""
    folder.mkdir()
    film(folder / "camera.mp4", fps)
    command = [sys.executable, "-m", "tests.support.servers.rtsp_server", str(folder)]
    with ExitStack() as stack:
        servers = []
        for _ in range(-(-number // CAMERAS_PER_SERVER)):
            servers.append(stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)))
            stack.callback(servers[-1].kill)
        ports = [int(server.stdout.readline()) for server in servers if server.stdout]
        yield [
            f"rtsp://127.0.0.1:{ports[place // CAMERAS_PER_SERVER]}/camera.mp4?play_count=0" for place in range(number)
        ]


def shares(process: psutil.Process, seconds: float, wait: Callable[[float], object]) -> list[float]:
    """The share of a core in % that a process uses, of several rounds."""
    found = []
    for _ in range(ROUNDS):
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        wait(seconds)
        found.append(100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began))
    return found


def of_cameras(bench: Ingests, process: psutil.Process, addresses: Sequence[str], seconds: float) -> dict[str, Any]:
    """Figures of RTSP cameras."""
    streams = [bench.publish(kind="rtsp", address=address) for address in addresses]
    until(lambda: all(bench.state(one) is StreamState.LIVE for one in streams))
    time.sleep(WARM_SECONDS)
    found = shares(process, seconds, time.sleep)
    seen = [bench.seen(one) for one in streams]
    bench.clear()
    return {
        "each": [share / len(streams) for share in found],
        "fps": min(one.fps for one in seen if one),
        "kbps": min(one.kbps for one in seen if one),
    }


def of_a_webcam(bench: Ingests, process: psutil.Process, seconds: float) -> dict[str, Any]:
    """Figures of a webcam."""
    stream = bench.publish(kind="webrtc")
    with LoopThread() as loop, running_chromium(*_WEBCAM) as browser:
        replies = loop.run(_replies(bench.url))
        calls, page = WhipCalls(bench.redis, replies), browser.new_page()
        send_webcam(page, lambda sdp: loop.run(calls.offer(stream, sdp)).sdp)
        page.wait_for_timeout(1000 * WARM_SECONDS)
        found = shares(process, seconds, lambda wait: page.wait_for_timeout(1000 * wait))
        seen = bench.seen(stream)
        leave(page)
        loop.run(replies.close())
    bench.clear()
    assert seen is not None
    return {"each": found, "fps": seen.fps, "kbps": seen.kbps, "size": (seen.width, seen.height)}


async def _replies(url: str) -> Replies:
    return Replies(url, ANSWER_SECONDS)


def main(number: int, fps: int, seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        with (
            Valkey(folder) as valkey,
            cameras(folder / "films", number, fps) as addresses,
            ingests(valkey, 1, folder / "ingest") as bench,
        ):
            (ingest,) = bench.start(1, STREAM_ALLOW_NETWORKS="127.0.0.1/32", WEBRTC_HOSTS="127.0.0.1")
            process = psutil.Process(ingest.process.pid)
            figures = {
                "camera": of_cameras(bench, process, addresses, seconds) | {"cameras": number},
                "webcam": of_a_webcam(bench, process, seconds),
            }
    rows = [
        [kind, told(found["each"], 2), f"{GOALS[kind]:.0f}", f"{found['fps']:.0f}", f"{found['kbps']:.0f}"]
        for kind, found in figures.items()
    ]
    table(["source", "% of a core each, ingest", "goal", "frames/s", "kbit/s"], rows)
    recorded = {kind: found | {"each": spread(found["each"])} for kind, found in figures.items()}
    record("live_ingest", recorded)


if __name__ == "__main__":
    number, rate, seconds = (int(value) if value else 0 for value in sys.argv[1:])
    main(number or 8, rate or 20, seconds or (60 if full() else 20))
