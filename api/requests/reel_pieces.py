"""From hits to the pieces of a reel. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from contracts.errors import InvalidInput
from contracts.wire.renditions import Piece

REEL_MS = 1_200_000
PIECES = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """A part of a video, in ms."""

    video_id: str
    from_ms: float
    to_ms: float


@dataclass(frozen=True, slots=True)
class Margin:
    """What is shown besides a hit, in ms."""

    before_ms: int
    after_ms: int


def pieces(
    hits: Sequence[Hit], durations: Mapping[str, float], margin: Margin, most_ms: int | None
) -> tuple[tuple[Piece, ...], int]:
    """The pieces of a reel in the order of the hits, and how many have no room.

    Hits of a video that overlap or touch with their margins become one piece, at the place of the first of them.
    durations: of the videos, in ms. most_ms: leave out what comes after; None refuses a reel that is too long. Raises
    InvalidInput.
    """
    parts = [_part(number, hit, durations[hit.video_id], margin) for number, hit in enumerate(hits)]
    merged = sorted(piece for video_id in durations for piece in _merged(video_id, parts))
    room, total = REEL_MS if most_ms is None else most_ms, sum(to - begin for _, _, begin, to in merged)
    if most_ms is None and total > room:
        raise InvalidInput(
            f"the pieces have {total} ms together, and a reel at most {room}: give max_ms to leave out what comes after"
        )
    found: list[Piece] = []
    at = 0
    for _, video_id, begin, to in merged[:PIECES]:
        end = to if found else min(to, begin + room)
        if at + end - begin > room:
            break
        found.append(Piece(video_id, begin, end, at))
        at += end - begin
    return tuple(found), len(merged) - len(found)


# Number of the first hit, video, from and to.
_Part = tuple[int, str, int, int]


def _part(number: int, hit: Hit, duration: float, margin: Margin) -> _Part:
    if hit.to_ms < hit.from_ms:
        raise InvalidInput(f"piece {number}: to_ms ({hit.to_ms}) is before from_ms ({hit.from_ms})")
    if hit.from_ms > 0 and hit.from_ms >= duration:
        raise InvalidInput(f"piece {number}: the video ends at {duration} ms, before from_ms ({hit.from_ms})")
    begin = max(0, floor(hit.from_ms) - margin.before_ms)
    end = min(ceil(hit.to_ms) + margin.after_ms, ceil(duration))
    return number, hit.video_id, begin, max(end, begin + 1)


def _merged(video_id: str, parts: Iterable[_Part]) -> list[_Part]:
    found: list[_Part] = []
    for number, _, begin, end in sorted((part for part in parts if part[1] == video_id), key=lambda part: part[2:]):
        if found and begin <= found[-1][3]:
            first, _, start, stop = found.pop()
            found.append((min(first, number), video_id, start, max(stop, end)))
        else:
            found.append((number, video_id, begin, end))
    return found
