"""The objects of an export track by track, for formats that want them so. Pure except for reading segments.

Tracks are numbered in the order in which they began, so that those with neighbouring numbers lie near each other: a
group of them is read at a time, from its first frame to its last. In a recording of a stream, a track that began before
another one may be seen after it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from api.results.exports.export import Export
from contracts.results.codec import Block
from contracts.results.tracks import Integers, Track
from contracts.results.tracks_file import TracksFile

# Objects of a group, which are in memory at once, at about 40 bytes each and some more while they are sorted.
GROUP_OBJECTS = 250_000
# Objects of a track that are handed out at once.
PART_OBJECTS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Objects in frame order, as columns: frame [n], time [n] in the video's time base, class_id [n], track [n],
    score [n] in 1/10000, box [n, 4] in 1/100 px."""

    frame: Integers
    time: Integers
    class_id: NDArray[np.uint16]
    track: NDArray[np.int32]
    score: NDArray[np.uint16]
    box: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.frame)

    def taken(self, places: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Objects":
        """The objects at some places."""
        return Objects(*(getattr(self, name)[places] for name in Objects.__slots__))


def tracked(export: Export, tracks: TracksFile) -> Iterator[tuple[Track, Iterator[Objects]]]:
    """Each track that has selected objects, with these, in order and in several parts where they are many. The parts of
    one are to be read before the next is asked for."""
    for group in _groups(tracks):
        parts = _of_group(export, group)
        if len(group) > 1:
            yield from _sorted(group, parts)
        elif first := next(parts, None):
            yield group[0], chain((first,), parts)


def untracked(export: Export) -> Iterator[Objects]:
    """The selected objects that belong to no track."""
    return (found for block in export.blocks() if len(found := _objects(block, block.tracks == 0)))


def _groups(tracks: TracksFile) -> Iterator[list[Track]]:
    """Tracks that are read together."""
    group: list[Track] = []
    room = GROUP_OBJECTS
    for track in chain.from_iterable(tracks.group(position) for position in range(tracks.groups)):
        if group and track.frames > room:
            yield group
            group, room = [], GROUP_OBJECTS
        group.append(track)
        room -= track.frames
    if group:
        yield group


def _of_group(export: Export, group: list[Track]) -> Iterator[Objects]:
    """The selected objects of some tracks with consecutive numbers, frame by frame."""
    first, last = min(track.first_frame for track in group), max(track.last_frame for track in group)
    for block in export.blocks(first_frame=first, last_frame=last):
        found = _objects(block, (block.tracks >= group[0].id) & (block.tracks <= group[-1].id))
        if len(found):
            yield found


def _sorted(group: list[Track], parts: Iterable[Objects]) -> Iterator[tuple[Track, Iterator[Objects]]]:
    """The objects of each track of a group."""
    found = list(parts)
    if not found:
        return
    whole = Objects(*(np.concatenate([getattr(part, name) for part in found]) for name in Objects.__slots__))
    whole = whole.taken(np.argsort(whole.track, kind="stable"))
    ends = np.searchsorted(whole.track, [track.id for track in group], side="right").tolist()
    for track, start, stop in zip(group, [0, *ends], ends, strict=False):
        if stop > start:
            places = range(start, stop, PART_OBJECTS)
            yield track, (whole.taken(slice(place, min(place + PART_OBJECTS, stop))) for place in places)


def _objects(block: Block, wanted: NDArray[np.bool_]) -> Objects:
    return Objects(
        np.repeat(block.frame, block.count)[wanted],
        np.repeat(block.time, block.count)[wanted],
        block.class_id[wanted],
        block.tracks[wanted],
        block.score[wanted],
        block.box[wanted],
    )
