"""The packet index of a video: which packets begin a frame, in which order they are shown, and when.

Mostly the container's times say that; of an elementary stream, its syntax may. Where they do not (they repeat, fall,
leap or are missing, or a frame takes several packets), the video is decoded once to see it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO

from msgspec import UNSET
from msgspec.structs import replace

from contracts.errors import DecodeFailed, VideoRefused
from contracts.wire.messages import SCHEMA, Clock, Location, PacketIndex
from media.frames_of_packets import frames_of_packets
from media.seekable_video import Video
from processor.core.frame_order import frame_order
from processor.core.frame_times import Break, FrameTimes, frame_times, untimed
from processor.probe.packets import Packets

_LEAST_DECODED = 0.55
# Demuxers whose clock may begin anywhere; players count from where it begins.
_CLOCK_BEGINS_ANYWHERE = ("mpegts", "mpeg", "flv", "asf")
# A leap of the clock is told from a pause by its length. Recorders that make these restart their clocks.
_CLOCK_RESTARTS = ("mpegts", "mpeg", "flv", "ogg")
_LEAP_SECONDS, _RESTARTING_LEAP_SECONDS = 86_400, 600
_MICROSECONDS = 1_000_000
_TS_CLOCK_TICKS = 2**33


@dataclass(frozen=True, slots=True)
class ContainerClock:
    """What the times of a container mean.

    name: of the demuxer. start: in microseconds, None if unknown. reorders: whether frames are stored in another order
    than shown. live: whether a live recorder wrote it, in Matroska. counts_frames: whether it knows no times, and the
    time base is the duration of a frame.
    """

    name: str
    time_base: Fraction
    start: int | None
    reorders: bool
    live: bool
    counts_frames: bool = False

    @property
    def counts_packets(self) -> bool:
        """Whether its times count packets: AVI knows no times of display, and with B-frames none of frames."""
        return self.name == "avi" and self.reorders

    def duration(self, told: int) -> int:
        """Of a frame, in units of the time base. told: by the container, 0 where it does not say."""
        return 1 if self.counts_frames else told

    @property
    def leap(self) -> int:
        """The least gap that is no pause, in units of the time base."""
        seconds = _RESTARTING_LEAP_SECONDS if self.name in _CLOCK_RESTARTS else _LEAP_SECONDS
        return int(seconds / self.time_base)

    def origin(self, first: int) -> int:
        """What players subtract from the times, in units of the time base. first: time of the first frame."""
        if self.start is None or not (self.live or self.name in _CLOCK_BEGINS_ANYWHERE):
            return 0
        return max(0, min(first, round(Fraction(self.start, _MICROSECONDS) / self.time_base)))


@dataclass(frozen=True, slots=True)
class Indexed:
    """index; and where the container's clock breaks, by its own times."""

    index: PacketIndex
    breaks: tuple[Break, ...]
    origin: int


def index_of(source: BinaryIO, packets: Packets, container: ContainerClock, begun: Sequence[int]) -> Indexed:
    """The index of a video. begun: the packets of the frames that the first packets gave. Raises VideoRefused."""
    if not packets.flagged:
        raise VideoRefused("the video has no keyframe to start decoding at")
    plain = _plain(packets, container)
    begun = [packet for packet in begun if packet < len(packets.pts)]  # more may follow a picture
    if _is_regular(packets, container, plain) and _agrees(plain, begun):
        return _by_pts(plain, container)
    if packets.shown is not None and packets.keyframes:
        frames = _from_first_keyframe(packets.shown, packets.keyframes)
        # The decoder gives none of a picture that is not whole yet, as where an intra-refresh begins.
        if begun and list(begun) == list(frames[: len(begun)]):
            return _of_frames(frames, plain, packets, container)
    return _measured(source, plain, packets, container)


def _plain(packets: Packets, container: ContainerClock) -> PacketIndex:
    """The index with the container's own times."""
    clock: Clock = "dts" if container.counts_packets or len(packets.no_pts) == len(packets.pts) else "pts"
    return PacketIndex(
        schema=SCHEMA,
        time_base=(container.time_base.numerator, container.time_base.denominator),
        clock=clock,
        pts=packets.shown_pts(),
        dts=packets.known_dts(),
        keyframes=tuple(packets.keyframes),
        locations=_findable(packets),
    )


def _findable(packets: Packets) -> tuple[Location, ...]:
    """The locations of the keyframes. Those that only a time and a size tell must be the only ones of their kind."""
    kinds = [
        (packets.dts[number], place.size) for number, place in zip(packets.keyframes, packets.locations, strict=True)
    ]
    count = Counter(kinds)
    return tuple(
        place if place.position is not None or count[kind] == 1 else Location(None, 0)
        for kind, place in zip(kinds, packets.locations, strict=True)
    )


def _is_regular(packets: Packets, container: ContainerClock, plain: PacketIndex) -> bool:
    """Whether each packet is a frame with a time of its own, by a clock that runs on."""
    if plain.clock == "dts" or packets.no_pts or packets.fields or packets.keyframes[:1] != [0]:
        return False
    times = [time for time in plain.pts if time is not None]
    if len(set(times)) != len(times) or not times:
        return False
    first = next(time for time in plain.pts if time is not None) if plain.pts[0] is None else plain.pts[0]
    return min(times) >= first and _runs_on(plain, container.leap)


def _runs_on(plain: PacketIndex, leap: int) -> bool:
    """Whether no time falls below those of earlier groups, and none leaps."""
    high: int | None = None
    for start, stop in pairwise([*plain.keyframes, len(plain.pts)]):
        group = [time for time in plain.pts[start:stop] if time is not None]
        if not group:
            continue
        key = plain.pts[start] if plain.pts[start] is not None else min(group)
        if high is not None and key is not None and key < high:
            return False
        high = max(group)
    ordered = sorted(time for time in plain.pts if time is not None)
    breaks = frame_times(ordered, 0, leap).breaks
    return len(breaks) == 1 and _dts_rise(plain.dts)


def _dts_rise(dts: Sequence[int | None]) -> bool:
    known = [time for time in dts if time is not None]
    return all(earlier <= later for earlier, later in pairwise(known))


def _agrees(plain: PacketIndex, begun: Sequence[int]) -> bool:
    """Whether the decoder gives the frames that the times say, as far as it was tried."""
    ranks = frame_order(plain).ranks
    numbers = [ranks.get(packet, -1) for packet in begun]
    if not numbers or numbers != sorted(set(numbers)) or numbers[0] < 0:
        return False
    # Some of them may be damaged; of fields half are missing.
    return len(numbers) > _LEAST_DECODED * (numbers[-1] + 1)


def _by_pts(plain: PacketIndex, container: ContainerClock) -> Indexed:
    first = frame_order(plain).times[0]
    origin = container.origin(first)
    return Indexed(replace(plain, origin=origin or UNSET), (Break(0, first, "start"),), origin)


def _measured(source: BinaryIO, plain: PacketIndex, packets: Packets, container: ContainerClock) -> Indexed:
    """The index with the frames that a decode from the start to the end gives."""
    frames = _from_first_keyframe(list(dict.fromkeys(_decoded(source))), plain.keyframes)
    if not frames:
        raise VideoRefused("no frame of the video can be decoded: the file is damaged or cut short")
    return _of_frames(frames, plain, packets, container)


def _of_frames(frames: Sequence[int], plain: PacketIndex, packets: Packets, container: ContainerClock) -> Indexed:
    """The index with the packets that begin the frames, in display order."""
    found = _times(frames, plain, packets, container)
    origin = container.origin(found.times[0])
    first_packets = set(frames)
    keys = [place for place, packet in enumerate(plain.keyframes) if packet in first_packets]
    locations = () if plain.locations is UNSET else plain.locations
    index = replace(
        plain,
        # Decoding starts at the file's start where no keyframe is to be trusted.
        keyframes=tuple(plain.keyframes[place] for place in keys) or (min(frames),),
        locations=tuple(locations[place] for place in keys) or UNSET,
        frames=tuple(frames),
        times=tuple(time - origin for time in found.times),
    )
    return Indexed(index, found.breaks, origin)


def _from_first_keyframe(frames: Sequence[int], keyframes: Sequence[int]) -> tuple[int, ...]:
    """Without the frames shown before the first keyframe: they lack what they refer to."""
    if not keyframes or keyframes[0] not in frames:
        return tuple(frames)
    return tuple(frames[frames.index(keyframes[0]) :]) if keyframes[0] > 0 else tuple(frames)


def _times(frames: Sequence[int], plain: PacketIndex, packets: Packets, container: ContainerClock) -> FrameTimes:
    own = plain.pts if plain.clock == "pts" else plain.dts
    chosen = [own[packet] for packet in frames]
    if container.name == "mpegts":
        chosen = list(_unwrapped(chosen))
    duration = container.duration(packets.duration) or max(1, round(Fraction(1, 25) / container.time_base))
    if plain.clock == "dts":
        return untimed(chosen, duration)
    return frame_times(chosen, duration, container.leap)


def _unwrapped(times: Sequence[int | None]) -> Iterator[int | None]:
    """Times without the turn of the 33-bit clock that the demuxer adds where the clock falls."""
    last: int | None = None
    for time in times:
        if time is not None:
            time -= 0 if last is None else round((time - last) / _TS_CLOCK_TICKS) * _TS_CLOCK_TICKS
            last = time
        yield time


def _decoded(source: BinaryIO) -> Iterator[int]:
    """The packets of the frames that come out, in that order."""
    try:
        video = Video(source)
    except DecodeFailed as error:
        raise VideoRefused(error.detail) from error
    try:
        # Order and number of frames do not depend on what their pixels are.
        video.stream.codec_context.options = {"skip_loop_filter": "all", "skip_idct": "all"}
        for packet, _ in frames_of_packets(video.packets(), video.stream):
            yield packet
    finally:
        video.close()
