"""Which packets of a video a clip takes, and when its frames are shown. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np
from msgspec import UNSET

from contracts.errors import VideoRefused
from contracts.wire.messages import PacketIndex, SeekPoint
from contracts.wire.renditions import Part
from processor.core.frame_order import FrameOrder, frame_order, keyframe_ranks

# What packets are that begin no frame: more of the frame before; hidden, such as references of VP8; or not to be told.
Between = Literal["joined", "hidden", "unknown"]

ANEW = "ask for it with exact, which encodes it anew"
_MS = 1000
_FINEST = 1_000_000  # ticks per second; some muxers know no finer ones


@dataclass(frozen=True, slots=True)
class Selection:
    """Frames of a video, by number: a part shows those from first to stop (excluded). key: the first frame that can be
    decoded from packet on, at or before first. start: how to find that packet, None at the start of the file."""

    order: FrameOrder
    first: int
    stop: int
    key: int
    packet: int
    start: SeekPoint | None


@dataclass(frozen=True, slots=True)
class Timed:
    """A packet of a clip, by its number. times: pts, dts and duration in ticks, None for more of the frame before. key:
    whether decoding can begin there."""

    number: int
    times: tuple[int, int, int] | None
    key: bool


def selected(index: PacketIndex, part: Part) -> Selection:
    """The frames of a part, at least one. Raises VideoRefused."""
    order = frame_order(index)
    ms = Fraction(*index.time_base) * _MS
    first = max(0, bisect_right(order.times, part.from_ms / ms) - 1)
    stop = max(first + 1, bisect_left(order.times, part.to_ms / ms))
    keys = keyframe_ranks(index, order)
    rank, position = keys[max(0, bisect_right(keys, (first, len(index.pts))) - 1)]
    packet = index.keyframes[position]
    start = None
    if packet and index.locations is not UNSET:
        start = SeekPoint(packet, index.locations[position], index.pts[packet], index.dts[packet])
    return Selection(order, first, stop, min(rank, first), packet, start)


def closed(chosen: Selection) -> tuple[int, int]:
    """The number of the last packet that a cut takes, and that of the frame after its last one.

    What a frame refers to may be shown after it, and then what is shown in between is taken too.
    """
    order, stop = chosen.order, chosen.stop
    starts = np.fromiter(order.packets, np.int64)
    while True:
        last = order.last_packet(order.packets[chosen.key : stop])
        latest = int(np.flatnonzero((starts >= chosen.packet) & (starts <= last))[-1])
        if latest < stop:
            return last, stop
        stop = latest + 1


def tick(index: PacketIndex) -> Fraction:
    """The unit of the times of a cut, in seconds."""
    base = Fraction(*index.time_base)
    return base if base.denominator <= _FINEST else Fraction(1, _FINEST)


def timed(index: PacketIndex, chosen: Selection, between: Between) -> list[Timed]:
    """The packets of a cut with their times, which begin at 0, in decoding order.

    between: what packets are that begin no frame. Raises VideoRefused where that cannot be told.
    """
    last, stop = closed(chosen)
    shown = _shown(index, chosen.order.times[chosen.key : stop + 1])
    taken = list(_taken(index, chosen, last, between))
    before = next(at for at, (_, rank) in enumerate(taken) if rank is not None)
    pts = [at - before for at in range(before)]  # nothing is shown before the start
    for _, rank in taken[before:]:
        if rank is not None:
            pts.append(shown[rank - chosen.key])
        elif between == "hidden":
            pts.append(pts[-1])
    dts = sorted(pts)
    delay = max(late - early for late, early in zip(dts, pts, strict=True))
    following = dict(pairwise(shown))
    spare = shown[-1] - shown[-2] if len(shown) > 1 else 0
    times = iter(
        [(time, at - delay, following.get(time, time + spare) - time) for time, at in zip(pts, dts, strict=True)]
    )
    keyframes = set(index.keyframes)
    return [
        Timed(
            number, None if rank is None and at > before and between == "joined" else next(times), number in keyframes
        )
        for at, (number, rank) in enumerate(taken)
    ]


def _taken(index: PacketIndex, chosen: Selection, last: int, between: Between) -> Iterator[tuple[int, int | None]]:
    """The numbers of the packets to take, and of the frame that each begins, if any. Frames that are shown before the
    keyframe refer to what comes before it."""
    begun, takes, shown = index.pts[chosen.packet], True, False
    for number in range(chosen.packet, last + 1):
        rank, time = chosen.order.ranks.get(number), index.pts[number]
        if rank is not None:
            takes = shown = rank >= chosen.key
        elif begun is not None and time is not None and time < begun:
            continue
        elif shown and between == "unknown":
            raise VideoRefused(f"it holds pictures that are never shown, so that it cannot be cut: {ANEW}")
        if takes:
            yield number, rank


def _shown(index: PacketIndex, times: tuple[int, ...]) -> list[int]:
    """Times of frames in ticks from the first one on, rising."""
    factor = Fraction(*index.time_base) / tick(index)
    found = [round((time - times[0]) * factor) for time in times]
    for at in range(1, len(found)):
        found[at] = max(found[at], found[at - 1] + 1)
    return found
