"""Chosen frames of a video, each stretch of them decoded from the keyframe before it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from av.video.frame import VideoFrame

from contracts.wire.messages import SeekPoint, Stretch
from media.frames_of_packets import frames_of_packets
from media.seekable_video import NumberedPacket, Video

# A frame with its position among the chosen ones.
PlacedFrame = tuple[int, VideoFrame]


def frames_of_stretches(
    video: Video,
    packets: Sequence[int],
    stretches: Sequence[Stretch],
    several: bool,
    on_packet: Callable[[], None] = lambda: None,
) -> Generator[PlacedFrame, None, None]:
    """The frames that begin with the packets of these numbers, with their positions among them, each once.

    In display order, as are packets. several: whether a frame may take several packets. on_packet is called for each
    packet, including those before the first frame; what it raises passes through. Frames that cannot be decoded are
    left out.
    """
    stops = [*(stretch.at for stretch in stretches[1:]), len(packets)]
    for stretch, stop in zip(stretches, stops, strict=True):
        wanted = _Wanted(tuple(packets[stretch.at : stop]), stretch, skip=not several)
        for number, frame in wanted.decoded(video, on_packet):
            yield stretch.at + number, frame


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Frames to decode from one keyframe on: the numbers of their packets, in display order.

    skip: whether packets of other frames may be skipped.
    """

    packets: tuple[int, ...]
    stretch: Stretch
    skip: bool

    def decoded(self, video: Video, on_packet: Callable[[], None]) -> Iterator[PlacedFrame]:
        """The frames with their positions, from the first keyframe that leads to the first of them."""
        frames: Generator[PlacedFrame, None, None] | None = None
        for point in self.stretch.seeks:
            if frames is not None:
                frames.close()
            frames = self._from(video, point, on_packet)
            first = next(frames, None)
            if first is not None and (first[0] == 0 or point is self.stretch.seeks[-1]):
                return chain((first,), frames)
        return iter(())

    def _from(
        self, video: Video, point: SeekPoint | None, on_packet: Callable[[], None]
    ) -> Generator[PlacedFrame, None, None]:
        """The frames that can be decoded from a keyframe on; None means from the start of the file."""
        places = {packet: place for place, packet in enumerate(self.packets)}
        if point is None:
            yield from self._frames(video, video.packets(on_packet), places)
            return
        ended = yield from self._frames(video, video.packets_from(point, on_packet), places)
        if ended:  # after a seek, a demuxer may not go on where one recording follows another
            yield from self._frames(video, video.packets(on_packet, point.packet), places)

    def _frames(
        self, video: Video, packets: Iterator[NumberedPacket], places: dict[int, int]
    ) -> Generator[PlacedFrame, None, bool]:
        """Decode the frames that are left in places, and take them out; whether the packets ended too early."""
        needed = _UpTo(packets, self.stretch.last)
        for packet, frame in frames_of_packets(needed, video.stream, frozenset(places) if self.skip else None):
            if (place := places.pop(packet, None)) is not None:
                yield place, frame
            if not places:
                return False
        return needed.ended


class _UpTo:
    """Packets up to the one numbered last, then None, so that the decoder returns what it holds.

    ended: whether there were fewer.
    """

    def __init__(self, packets: Iterator[NumberedPacket], last: int) -> None:
        self._packets, self._last = packets, last
        self.ended = False

    def __iter__(self) -> Iterator[NumberedPacket]:
        for number, packet in self._packets:
            if packet is None:
                self.ended = number <= self._last
                break
            if number > self._last:
                break
            yield number, packet
        yield self._last + 1, None
