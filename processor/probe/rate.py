"""The rate of an elementary stream, whose frames have no times: as the stream says, else assumed."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.stream import VideoStream

from contracts.wire.messages import FpsSource

_ASSUMED = Fraction(25)
# In frames per second. Beyond them a stream states the units of its clock rather than a rate.
_LEAST, _MOST = Fraction(1, 10), Fraction(300)


@dataclass(frozen=True, slots=True)
class Rate:
    """fps: frames per second. source: where it is from, as media says."""

    fps: Fraction
    source: FpsSource


def rate_of(stated: Fraction | None) -> Rate:
    """The rate to read an elementary stream at. stated: by the stream itself."""
    if stated is not None and _LEAST <= stated <= _MOST:
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
