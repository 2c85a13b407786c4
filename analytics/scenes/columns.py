"""Many events as columns."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.events import Direction, Event, EventType
from analytics.scenes.geometry import Flags, Integers

# In the order in which the events of a track at a zone in a frame are listed.
KINDS = tuple(EventType)
NO_TICKS = -1
_DIRECTION = {1: Direction.FORWARD, 0: None, -1: Direction.BACKWARD}


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns:
    """Events [e], as Event has them. kind: a place in KINDS. times: how often a line was crossed, backward below 0; 0
    at zones. ticks: NO_TICKS for none."""

    frame: Integers
    time: Integers
    target: Integers
    track: Integers
    kind: Integers
    times: Integers
    ticks: Integers

    @property
    def count(self) -> int:
        """How many events these are: a line that was crossed several times in a frame makes as many."""
        return int(np.maximum(np.abs(self.times), 1).sum())

    def of(self, wanted: Flags | NDArray[np.intp]) -> "EventColumns":
        """The wanted ones, by mask or by index."""
        return EventColumns(*(getattr(self, name)[wanted] for name in _COLUMNS))

    def in_order(self) -> list[Event]:
        """All of them as Event, in their order."""
        order = np.lexsort((self.kind, self.track, self.target, self.frame))
        columns = self.of(np.repeat(order, np.maximum(np.abs(self.times[order]), 1)))
        rows: Any = zip(
            columns.frame.tolist(),
            columns.time.tolist(),
            columns.target.tolist(),
            columns.track.tolist(),
            map(KINDS.__getitem__, columns.kind.tolist()),
            map(_DIRECTION.__getitem__, np.sign(columns.times).tolist()),
            [None if ticks == NO_TICKS else ticks for ticks in columns.ticks.tolist()],
            strict=True,
        )
        return [Event(*row) for row in rows]


_COLUMNS = tuple(field.name for field in fields(EventColumns))


def joined(parts: Iterable[EventColumns]) -> EventColumns:
    """Concatenate columns of events."""
    found = list(parts)
    none = [np.zeros(0, np.int64)]
    return EventColumns(*(np.concatenate(none + [getattr(part, name) for part in found]) for name in _COLUMNS))
