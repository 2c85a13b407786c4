"""Which frames a video has, in display order, and when each is shown. Pure: depends on the packet index alone."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from msgspec import UNSET

from contracts.errors import VideoRefused
from contracts.wire.messages import PacketIndex


@dataclass(frozen=True)
class FrameOrder:
    """The frames of a video in display order: the number of the packet that begins each, and its time.

    times: rising or equal, in units of the index's time base. several: whether a frame may take several packets.
    total: number of packets.
    """

    packets: tuple[int, ...]
    times: tuple[int, ...]
    several: bool
    total: int

    @cached_property
    def ranks(self) -> dict[int, int]:
        """The number of each frame by that of its packet."""
        return {packet: number for number, packet in enumerate(self.packets)}

    def last_packet(self, packets: tuple[int, ...]) -> int:
        """The last packet that these frames need."""
        last = max(packets)
        if not self.several:
            return last
        following = bisect_right(self._starts, last)
        return self._starts[following] - 1 if following < len(self._starts) else self.total - 1

    @cached_property
    def _starts(self) -> list[int]:
        return sorted(self.packets)


def frame_order(index: PacketIndex) -> FrameOrder:
    """The frames of a packet index. Raises VideoRefused when there is no keyframe."""
    if not index.keyframes:
        raise VideoRefused("the video has no keyframe to start decoding at")
    if index.frames is not UNSET and index.times is not UNSET:
        return FrameOrder(index.frames, index.times, several=True, total=len(index.pts))
    return _by_time(index)


def _by_time(index: PacketIndex) -> FrameOrder:
    """The order where each frame has one packet and a time of its own.

    Frames before the first keyframe lack what they refer to.
    """
    own = index.pts if index.clock == "pts" else index.dts
    start, origin = _first_time(index, own), 0 if index.origin is UNSET else index.origin
    packets = np.fromiter((number for number, time in enumerate(own) if time is not None), np.int64)
    times = np.fromiter((time for time in own if time is not None), np.int64)
    packets, times = packets[times >= start], times[times >= start]
    order = np.argsort(times, kind="stable")
    order = order[np.flatnonzero(np.diff(times[order], prepend=start - 1))]  # of equal times the first
    return FrameOrder(
        tuple(packets[order].tolist()), tuple((times[order] - origin).tolist()), several=False, total=len(own)
    )


def _first_time(index: PacketIndex, own: tuple[int | None, ...]) -> int:
    """The least time that counts: that of the first keyframe, or of its group where it is never shown itself."""
    groups = pairwise([*index.keyframes, len(own)])
    times = [time for start, stop in groups if (time := _time_of_group(own, start, stop)) is not None]
    if not times:
        raise VideoRefused("no frame of the video is ever shown")
    return min(times)


def _time_of_group(own: tuple[int | None, ...], start: int, stop: int) -> int | None:
    if own[start] is not None:
        return own[start]
    return min((time for time in own[start:stop] if time is not None), default=None)


def keyframe_ranks(index: PacketIndex, order: FrameOrder) -> list[tuple[int, int]]:
    """(number of the first frame that can be decoded from a keyframe on, position of the keyframe), rising.

    A keyframe that is never shown counts from the first frame of its group.
    """
    flagged, keys = set(index.keyframes), []
    ranks = {packet: number for number, packet in enumerate(order.packets) if packet in flagged}
    for position, (start, stop) in enumerate(pairwise([*index.keyframes, len(index.pts)])):
        rank = ranks.get(start)
        if rank is None:
            rank = min((order.ranks[packet] for packet in range(start, stop) if packet in order.ranks), default=None)
        if rank is not None:
            keys.append((rank, position))
    return sorted(keys)
