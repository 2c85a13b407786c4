"""The metrics of an ingest."""

from contracts.live.presence import IngestPresence
from contracts.live.streams import StreamState
from contracts.metrics import table
from contracts.metrics.table import Reading
from contracts.metrics.totals import Totals
from ingest.assignment.lease import Lease
from ingest.assignment.metering import StreamMeter


def known(reconnects: int, lost: int, fps: float = 10.0) -> IngestPresence:
    return IngestPresence(
        "i", StreamState.LIVE, 0.0, fps=fps, kbps=80, dropped={"network": lost}, reconnects=reconnects
    )


def counted(totals: Totals) -> dict[str, float]:
    return {row.name: row.numbers[0] for row in totals.rows()}


def test_what_presences_sum_up_is_counted_as_it_grows() -> None:
    totals = Totals()
    meter = StreamMeter(totals, 10)
    meter.note({}, {"a": known(1, 5), "b": known(0, 1)})
    meter.note({}, {"a": known(3, 5)})
    meter.note({}, {"a": known(0, 2)})  # it was started anew
    meter.note({}, {"a": known(1, 4)})
    assert counted(totals) == {table.RECONNECTS.name: 4, table.FRAMES_DROPPED.name: 8}


def test_gauges_are_those_of_the_streams_it_has() -> None:
    now = [100.0]
    leases = {name: Lease("i", name, lambda: now[0]) for name in ("a", "b")}
    for lease in leases.values():
        lease.renewed(lease.now())
        now[0] += 2
    meter = StreamMeter(Totals(), 1)
    assert meter.readings()[:2] == [Reading(table.STREAMS_HELD, 0), Reading(table.LEASE_AGE, 0)]
    meter.note(leases, {"a": known(0, 0, 5), "b": known(0, 0, 20)})
    assert meter.readings() == [
        Reading(table.STREAMS_HELD, 2),
        Reading(table.LEASE_AGE, 4),
        Reading(table.STREAM_FPS, 20, ("b",)),
        Reading(table.STREAM_FPS, 5, ("others",)),
        Reading(table.STREAM_BYTES, 10_000, ("a",)),
        Reading(table.STREAM_BYTES, 10_000, ("others",)),
    ]
