"""A webcam of Chromium that shows pictures from a file."""

from itertools import islice
from pathlib import Path

import av
from av.video.plane import VideoPlane

# A connection over 127.0.0.1, without names of mDNS that nobody resolves there.
_WEBRTC = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"]


def webcam_flags(picture: Path) -> list[str]:
    """Flags of Chromium for a webcam that is allowed without a question. picture: a .y4m file."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={picture}",
        *_WEBRTC,
    ]


def write_pictures(video: Path, first: int, count: int, path: Path) -> Path:
    """Frames of a video as a .y4m file, which Chromium shows over and over."""
    with av.open(str(video)) as reader, path.open("wb") as sink:
        for picture in islice(reader.decode(video=0), first, first + count):
            plain = picture.reformat(format="yuv420p")
            if not sink.tell():
                sink.write(f"YUV4MPEG2 W{plain.width} H{plain.height} F25:1 Ip A1:1 C420mpeg2\n".encode())
            sink.write(b"FRAME\n" + b"".join(_tight(plane) for plane in plain.planes))
    return path


def _tight(plane: VideoPlane) -> bytes:
    """A plane without the padding of its lines."""
    data, step = bytes(plane), plane.line_size
    return b"".join(data[row * step : row * step + plane.width] for row in range(plane.height))
