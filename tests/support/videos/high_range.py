"""Videos of high dynamic range, made of ordinary pictures by the functions that ITU-R BT.2100 publishes."""

import io
from typing import Any, Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

Transfer = Literal["hlg", "pq"]
Light = NDArray[np.float64]

WHITE = 203.0  # cd/m2 (ITU-R BT.2408)
# FFmpeg's numbers of the transfer functions, and of BT.2020 as primaries and as a matrix.
TRANSFERS = {"hlg": 18, "pq": 16}
BT2020 = 9
# From light in red, green and blue of BT.709 to those of BT.2020 (ITU-R BT.2087).
_TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
_BRIGHTNESS = np.array([0.2627, 0.6780, 0.0593])


def light_of(picture: NDArray[np.uint8]) -> Light:
    """cd/m2 (H, W, 3) in BT.2020 that a standard display (BT.1886) shows of a picture (H, W, 3) in BT.709."""
    shown: Light = WHITE * (picture / 255) ** 2.4 @ _TO_2020.T
    return shown


def frame_of(light: Light, transfer: Transfer, pixels: str = "yuv420p10le") -> VideoFrame:
    """A frame of light (H, W, 3) in cd/m2, in BT.2020."""
    signal = _hlg(light) if transfer == "hlg" else _pq(light)
    red_green_blue = VideoFrame.from_ndarray(np.round(np.clip(signal, 0, 1) * 65535).astype(np.uint16), "rgb48le")
    frame = red_green_blue.reformat(format=pixels, dst_colorspace=BT2020, dst_color_range=1)
    frame.color_trc, frame.color_primaries = TRANSFERS[transfer], BT2020
    return frame


def clip_of(frame: VideoFrame, transfer: Transfer) -> bytes:
    """An mp4 of one frame of `frame_of`."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = TRANSFERS[transfer], BT2020, BT2020
        context.color_range = 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    content = sink.getvalue()
    with av.open(io.BytesIO(content), "r") as written:
        decoded = next(written.decode(video=0))
        assert (decoded.color_trc, decoded.colorspace) == (TRANSFERS[transfer], BT2020)
    return content


def _hlg(light: Light) -> Light:
    bright = (light @ _BRIGHTNESS / 1000) ** (1 / 1.2)
    scene = light / 1000 * (np.maximum(bright, 1e-9) ** -0.2)[..., None]
    high: Light = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def _pq(light: Light) -> Light:
    power: Light = (light / 10000) ** 0.1593017578125
    signal: Light = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return signal
