"""The packets of a file's video stream, as columns of the packet index."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from av import logging
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from contracts.errors import VideoRefused
from contracts.wire.messages import Location
from media.demuxers import ANIMATIONS, RAW, STILLS
from media.keyframe_syntax import KeyframeSyntax
from processor.probe.damage import Damage
from processor.probe.frame_sizes import FrameSizes
from processor.probe.picture_order import PictureOrder

_HEAD_BYTES = 65_536  # of a packet, in which its syntax is looked for


@dataclass(slots=True)
class Packets:
    """Columns while they grow; a missing time is a position in no_pts or no_dts, and a packet that is never shown one
    in hidden. duration: the first that the container gives, in units of its time base. fields: whether some packets
    hold one field of a frame. flagged: whether the container calls any packet a keyframe. shown: all in
    the order of display, where the syntax of an elementary stream tells that, and each is one frame."""

    pts: "array[int]" = field(default_factory=lambda: array("q"))
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    no_pts: set[int] = field(default_factory=set)
    no_dts: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    keyframes: list[int] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    duration: int = 0
    fields: bool = False
    flagged: bool = False
    shown: tuple[int, ...] | None = None
    _located: tuple[int, int, int] | None = None  # number, position and size of the last packet with a position

    def shown_pts(self) -> tuple[int | None, ...]:
        """pts of the packets that are shown; None for the others and where there is none."""
        untimed = self.no_pts | self.hidden
        return tuple(None if number in untimed else value for number, value in enumerate(self.pts))

    def known_dts(self) -> tuple[int | None, ...]:
        """dts, None where there is none."""
        return tuple(None if number in self.no_dts else value for number, value in enumerate(self.dts))

    def add(self, packet: "Packet[VideoStream]", *, hidden: bool, key: bool) -> None:
        """Add the next packet. key: whether decoding can start at it."""
        number = len(self.pts)
        if hidden:
            self.hidden.add(number)
        elif packet.pts is None:
            self.no_pts.add(number)
        if packet.dts is None:
            self.no_dts.add(number)
        self.pts.append(packet.pts or 0)
        self.dts.append(packet.dts or 0)
        self.duration = self.duration or max(0, packet.duration or 0)
        if packet.pos is not None:
            self._located = (number, packet.pos, packet.size)
        if key:
            self.keyframes.append(number)
            self.locations.append(self._location(packet))

    def distrust_flags(self) -> None:
        """Keep the first keyframe alone where the container calls all packets keyframes, as some writers do."""
        if len(self.keyframes) == len(self.pts):
            del self.keyframes[1:], self.locations[1:]

    def _location(self, packet: "Packet[VideoStream]") -> Location:
        """Of the packet that was just added: program streams give the position of a few packets alone."""
        if self._located is None:
            return Location(None, packet.size)
        number, position, size = self._located
        return Location(position, size, len(self.pts) - 1 - number)


def read_packets(
    container: InputContainer, stream: VideoStream, max_frames: int, damage: Damage, sizes: FrameSizes
) -> Packets:
    """All packets of the stream, which damage and sizes see too. Raises VideoRefused for more than max_frames."""
    packets = Packets()
    codec = stream.codec_context.codec.canonical_name
    syntax = KeyframeSyntax(stream.codec_context)
    order = PictureOrder(stream.codec_context) if container.format.name in RAW else None
    with _logged() as logs:
        for packet in damage.until_error(container.demux(stream)):
            damage.hear(logs)
            if not packet.size:
                continue  # the flush at the end
            if packets.pts and container.format.name in STILLS:
                break  # previews, and whatever else follows the picture
            sizes_before = len(sizes.found)
            sizes.see(packet)
            damage.see(packet, anew=len(sizes.found) > sizes_before)
            if len(packets.pts) >= max_frames:
                raise VideoRefused(f"it has more than {max_frames} frames")
            data = bytes(memoryview(packet)[:_HEAD_BYTES])
            packets.fields = packets.fields or syntax.is_field(data)
            if order is not None:
                order.see(data)
            flagged = packet.is_keyframe and not (packets.keyframes and container.format.name in ANIMATIONS)
            packets.flagged = packets.flagged or flagged
            key = flagged and not syntax.denies(data)
            packets.add(packet, hidden=packet.is_discard or _is_hidden_reference(data, codec), key=key)
    damage.hear(logs)
    packets.shown = None if order is None else order.frames()
    if not (syntax.known or stream.codec_context.codec.intra_only):
        packets.distrust_flags()
    return packets


def _is_hidden_reference(data: bytes, codec: str) -> bool:
    """Whether a packet is a VP8 frame without the bit that shows it. (Those before an edit list's start are marked
    by the demuxer.)"""
    return codec == "vp8" and not data[0] & 0x10


@contextmanager
def _logged() -> Iterator[list[tuple[int, str, str]]]:
    """The errors that the libraries log in this thread meanwhile: level, who, text."""
    level, skip_repeated = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)
    try:
        with logging.Capture(local=True) as logs:
            yield logs
    finally:
        logging.set_level(level)
        logging.set_skip_repeated(skip_repeated)
