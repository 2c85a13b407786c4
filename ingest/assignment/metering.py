"""The metrics of an ingest, from what it says of its streams."""

from collections.abc import Mapping

from contracts.live.presence import IngestPresence
from contracts.metrics.bounded import per_stream
from contracts.metrics.table import (
    FRAMES_DROPPED,
    LEASE_AGE,
    RECONNECTS,
    STREAM_BYTES,
    STREAM_FPS,
    STREAMS_HELD,
    Reading,
)
from contracts.metrics.totals import Counts
from ingest.assignment.lease import Lease


class StreamMeter:
    """Of one process. `note` is called in the event loop, `readings` in another thread."""

    def __init__(self, counts: Counts, most: int) -> None:
        """most: series per metric and process."""
        self._counts, self._most = counts, most
        self._seen: Mapping[str, IngestPresence] = {}
        self._leases: Mapping[str, Lease] = {}

    def note(self, leases: Mapping[str, Lease], seen: Mapping[str, IngestPresence]) -> None:
        """What is known of the streams now."""
        for stream_id, known in seen.items():
            before = self._seen.get(stream_id)
            self._counts.add(RECONNECTS, max(0, known.reconnects - (before.reconnects if before else 0)))
            for reason, frames in known.dropped.items():
                gone = frames - (before.dropped.get(reason, 0) if before else 0)
                self._counts.add(FRAMES_DROPPED, max(0, gone), reason)
        self._leases, self._seen = leases, seen

    def readings(self) -> list[Reading]:
        """The gauges."""
        seen, leases = self._seen, self._leases
        return [
            Reading(STREAMS_HELD, len(leases)),
            Reading(LEASE_AGE, max((lease.age for lease in leases.values()), default=0.0)),
            *per_stream(STREAM_FPS, {one: known.fps for one, known in seen.items()}, self._most),
            *per_stream(STREAM_BYTES, {one: known.kbps * 125 for one, known in seen.items()}, self._most),
        ]
