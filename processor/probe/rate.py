"""The rate of an elementary stream, whose frames have no times: as the client says, else the stream, else assumed."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.stream import VideoStream

from contracts.wire.messages import FPS_LIMITS, FpsSource

_ASSUMED = Fraction(25)


@dataclass(frozen=True, slots=True)
class Rate:
    """fps: frames per second. source: where it is from, as media says."""

    fps: Fraction
    source: FpsSource


def rate_of(requested: float | None, stated: Fraction | None) -> Rate:
    """The rate to read an elementary stream at, in frames per second. stated: by the stream itself, often the units of
    its clock rather than a rate: then it is beyond the limits."""
    if requested is not None:
        return Rate(Fraction(str(requested)), "request")
    if stated is not None and FPS_LIMITS[0] <= stated <= FPS_LIMITS[1]:
        return Rate(stated, "stream")
    return Rate(_ASSUMED, "assumed")


def stated_rate(stream: VideoStream, packets: Iterable[bytes]) -> Fraction | None:
    """The rate in the headers of an elementary stream, None where they have none. packets: its first ones.

    Read by a decoder of its own, since that of the stream begins with the rate that the demuxer assumes.
    """
    decoder: Any = av.CodecContext.create(stream.codec_context.codec.name, "r")
    decoder.extradata, decoder.thread_count = stream.codec_context.extradata, 1
    for content in packets:
        try:
            decoder.decode(av.Packet(content))
        except av.error.FFmpegError:
            continue
        if decoder.framerate:
            return Fraction(decoder.framerate)
    return None
