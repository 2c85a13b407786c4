"""The first frames of a video: the size and orientation of the first one count for the whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contracts.errors import VideoRefused
from media import orientation
from media.demuxers import RAW
from media.frames_of_packets import frames_of_packets
from media.orientation import Orientation
from media.seekable_video import NumberedPacket, numbered_packets
from processor.probe.rate import stated_rate

_PACKETS = 32
_PACKETS_BEFORE_FIRST_FRAME = 600


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first frame that can be decoded, how players turn it, the packets of the frames that the first packets of a
    file give, and the rate that an elementary stream states."""

    frame: VideoFrame
    orientation: Orientation
    packets: tuple[int, ...]
    stated_rate: Fraction | None


def beginning(container: InputContainer, stream: VideoStream) -> Beginning:
    """Decode the first packets of a file. Raises VideoRefused when no frame comes out of very many."""
    content: dict[int, bytes] = {}
    numbered = _noted(numbered_packets(container, stream), content)
    frames = list(frames_of_packets(islice(numbered, _PACKETS), stream))
    if not frames:
        frames = list(islice(frames_of_packets(islice(numbered, _PACKETS_BEFORE_FIRST_FRAME), stream), 1))
    if not frames:
        raise VideoRefused("no frame of the video can be decoded: the file is damaged or cut short")
    number, first = frames[0]
    rate = stated_rate(stream, content.values()) if container.format.name in RAW else None
    return Beginning(first, orientation.shown(first, content[number]), tuple(packet for packet, _ in frames), rate)


def _noted(packets: Iterable[NumberedPacket], content: dict[int, bytes]) -> Iterator[NumberedPacket]:
    """The same packets; content: takes the bytes of each by its number."""
    for number, packet in packets:
        if packet is not None:
            content[number] = bytes(packet)
        yield number, packet
