"""The numbers of a service in which all is well, and of services in which something is wrong."""

from api.watch.numbers import Numbers
from api.watch.problems import LEAST_FREE_BYTES, LEAST_SERVED, MOST_RATIO, MOST_RESULT_BYTES
from contracts.metrics import table
from contracts.metrics.table import Metric, Reading
from contracts.workers.registration import WORKERS

# Metric and value of its label, if it has one -> value.
Values = dict[tuple[Metric, str], float]

# One of each role, two detectors, a job and a stream: all is well.
WELL: Values = {
    **{(table.SERVER_UP, name): 1 for name in table.SERVER_UP.values},
    **{(table.WORKERS, role): 1 for role in WORKERS},
    (table.WORKERS, "detector"): 2,
    **{(table.JOBS, state): 0 for state in table.JOBS.values},
    (table.JOBS, "running"): 1,
    (table.BACKLOG_FRAMES, ""): 600,
    (table.CHUNKS_OUTSTANDING, ""): 4,
    **{(table.STREAMS, state): 0 for state in table.STREAMS.values},
    (table.STREAMS, "live"): 1,
    (table.LIVE_WANTED, ""): 20,
    (table.LIVE_SERVED, ""): LEAST_SERVED * 20,
    (table.SCALE_RATIO, "detector"): MOST_RATIO,
    (table.SCALE_RATIO, "live_detector"): 0.5,
    (table.CAPACITY, "detector"): 40,
    (table.CAPACITY, "live_detector"): 40,
    (table.DETECTORS_WANTED, "detector"): 2,
    (table.DETECTORS_WANTED, "live_detector"): 1,
    (table.STORAGE_BYTES, "videos"): 1000,
    (table.STORAGE_BYTES, "renditions"): 100,
    (table.STORAGE_FREE, ""): LEAST_FREE_BYTES,
    (table.RESULT_STORE_BYTES, ""): MOST_RESULT_BYTES,
}


def readings(changed: Values | None = None) -> list[Reading]:
    """All is well but for what is changed."""
    both = {**WELL, **(changed or {})}
    return [Reading(metric, value, (label,) if metric.labels else ()) for (metric, label), value in both.items()]


def numbers(changed: Values | None = None) -> Numbers:
    """The same by metric and label."""
    return Numbers(readings(changed))


# What is changed, the alert, and the beginning of what is said of it.
WRONG: list[tuple[Values, str, str]] = [
    ({(table.SERVER_UP, "result_store"): 0}, "ServerDown", "The result store does not answer."),
    ({(table.WORKERS, "renderer"): 0}, "NoWorkers", "There is no renderer."),
    ({(table.WORKERS, "ingest"): 0}, "NoWorkers", "There is no ingest."),
    ({(table.WORKERS, "live_detector"): 0}, "NoWorkers", "There is no live detector."),
    ({(table.SCALE_RATIO, "detector"): 2.5}, "DetectorsLacking", "The backlog of jobs takes 2.5 times"),
    ({(table.SCALE_RATIO, "live_detector"): 1.2}, "LiveDetectorsLacking", "Streams want 1.2 times"),
    ({(table.LIVE_SERVED, ""): 5}, "StreamsUnserved", "25% of the wanted frames"),
    ({(table.STREAMS, "failed"): 1}, "StreamsBroken", "1 stream has no picture."),
    ({(table.STREAMS, "failed"): 1, (table.STREAMS, "reconnecting"): 2}, "StreamsBroken", "3 streams have no picture."),
    ({(table.STORAGE_FREE, ""): LEAST_FREE_BYTES / 2}, "StorageNearlyFull", "5.0 GiB are free"),
    ({(table.RESULT_STORE_BYTES, ""): 2 * MOST_RESULT_BYTES}, "ResultStoreLarge", "The result store has 8.0 GiB."),
]
