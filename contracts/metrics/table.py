"""Every metric of every role, in one table. docs/operate/metrics.md shows it, which a test compares.

A name has the prefix, what is measured, and the unit, as Prometheus' conventions want it; a counter ends in _total.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Kind = Literal["counter", "gauge", "histogram"]
# As workers register (contracts.workers.registration), and the api.
MetricRole = Literal["api", "processor", "renderer", "detector", "live_detector", "ingest"]
ROLES: tuple[MetricRole, ...] = get_args(MetricRole)
_API: tuple[MetricRole, ...] = ("api",)
_DETECTOR: tuple[MetricRole, ...] = ("detector",)
_TASK_ROLES: tuple[MetricRole, ...] = ("processor", "renderer", "detector")

# Beyond every threshold of an alert, since a quantile above the last bucket reads as that bucket.
_WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TASKS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 3600)
_LATENCIES = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Metric:
    """labels: their names. values: of its one label, where they are known; those are there from the start, as 0.
    buckets: upper bounds of a histogram, the last but +Inf. A gauge is read at the scrape, all others are counted."""

    name: str
    unit: str
    meaning: str
    roles: tuple[MetricRole, ...]
    labels: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Kind:
        """A counter is known by its name, a histogram by its buckets."""
        if self.buckets:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"


class Reading(NamedTuple):
    """The value of a gauge, and one value for each of the metric's labels."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


BUILD = Metric(
    "web_detector_build_info", "none", "1; the release and the role of this process.", ROLES, ("role", "version")
)

# Jobs, as the tables and the result store have them.
JOBS = Metric(
    "web_detector_jobs",
    "jobs",
    "Jobs that have not ended.",
    _API,
    ("state",),
    ("queued", "planning", "running", "merging"),
)
JOBS_ENDED = Metric(
    "web_detector_jobs_ended_total",
    "jobs",
    "Jobs that ended, by their last state.",
    ("processor",),
    ("state",),
    ("succeeded", "partial", "failed", "cancelled"),
)
BACKLOG_FRAMES = Metric(
    "web_detector_backlog_frames", "frames", "Frames of jobs that have not ended and have no result yet.", _API
)
CHUNKS_OUTSTANDING = Metric(
    "web_detector_chunks_outstanding",
    "chunks",
    "Chunks of running jobs that were sent to detectors and have no result yet.",
    _API,
)
REAPER_FINDS = Metric(
    "web_detector_reaper_finds_total",
    "finds",
    "Lost or abandoned work that the reaper sent again.",
    ("processor",),
    ("what",),
    ("probe", "rendition", "plan", "chunk", "merge", "lost_results", "recording"),
)

# Tasks, of the broker.
QUEUE_WAIT = Metric(
    "web_detector_queue_wait_seconds",
    "seconds",
    "From the sending of a task to its beginning, by the clocks of both hosts.",
    _TASK_ROLES,
    ("queue",),
    buckets=_WAITS,
)
TASK_SECONDS = Metric(
    "web_detector_task_seconds", "seconds", "Duration of a task.", _TASK_ROLES, ("task",), buckets=_TASKS
)
TASKS = Metric(
    "web_detector_tasks_total",
    "tasks",
    "Tasks that ended: done, retry (sent again by itself), rejected (given back to the queue) or failed.",
    _TASK_ROLES,
    ("task", "outcome"),
)

# Traces.
SPANS = Metric(
    "web_detector_spans_total",
    "spans",
    "Spans for the collector at TRACES_URL: sent, or dropped since it did not take them in time or at all.",
    ROLES,
    ("outcome",),
    ("sent", "dropped"),
)

# Detectors.
FRAMES_INFERRED = Metric(
    "web_detector_frames_inferred_total", "frames", "Frames that went through a model.", ("detector", "live_detector")
)
FRAMES_DONE = Metric(
    "web_detector_frames_done_total",
    "frames",
    "Frames of jobs that got a result, those filled in between others included.",
    _DETECTOR,
)
CHUNKS = Metric(
    "web_detector_chunks_total",
    "chunks",
    "Attempts at chunks: done, failed (recorded as failed), poison (the process died in every attempt), again (given "
    "back, or paused for others).",
    _DETECTOR,
    ("outcome",),
    ("done", "failed", "poison", "again"),
)
STAGE_SECONDS = Metric(
    "web_detector_stage_seconds_total",
    "seconds",
    "Time spent on jobs. CPU time of the decoder: decode (with reading and scaling). Wall time of the detector: wait "
    "(for the decoder's images), infer (for the engine), head (outputs to boxes), store (results).",
    _DETECTOR,
    ("stage",),
    ("decode", "wait", "infer", "head", "store"),
)
CPU_SECONDS = Metric(
    "web_detector_cpu_seconds_total",
    "seconds",
    "CPU time of detectors and their decoders, as jobs are charged.",
    _DETECTOR,
)
ENGINE_IMAGES = Metric(
    "web_detector_engine_images",
    "images",
    "Images that the engine had in hand when an output came, as the mean of a chunk: how full its batches are.",
    _DETECTOR,
    buckets=_IMAGES,
)

# Live streams.
STREAMS = Metric(
    "web_detector_streams",
    "streams",
    "Streams by state.",
    _API,
    ("state",),
    ("connecting", "live", "reconnecting", "stopped", "failed"),
)
LIVE_WANTED = Metric(
    "web_detector_live_wanted_fps",
    "frames per second",
    "Frames that live streams want analysed: as they come, or as max_fps says.",
    _API,
)
LIVE_SERVED = Metric(
    "web_detector_live_served_fps", "frames per second", "Frames of live streams that are analysed.", _API
)
STREAMS_HELD = Metric(
    "web_detector_streams_held", "streams", "Streams that this process reads or analyses.", ("ingest", "live_detector")
)
LEASE_AGE = Metric(
    "web_detector_lease_age_seconds",
    "seconds",
    "Since the longest time ago that the lease of one of its streams was renewed; 0 without streams.",
    ("ingest", "live_detector"),
)
FRAMES_DROPPED = Metric(
    "web_detector_live_frames_dropped_total",
    "frames",
    "Frames of live streams without a result, by reason.",
    ("ingest", "live_detector"),
    ("reason",),
    ("network", "transport", "behind"),
)
FRAMES_SKIPPED = Metric(
    "web_detector_live_frames_skipped_total",
    "frames",
    "Frames of live streams that max_fps leaves out.",
    ("live_detector",),
)
FRAME_TO_BOX = Metric(
    "web_detector_frame_to_box_seconds",
    "seconds",
    "From the arrival of a live frame at the ingest to its stored boxes, by the clocks of both hosts.",
    ("live_detector",),
    buckets=_LATENCIES,
)
STREAM_SERVED = Metric(
    "web_detector_stream_analysed_fps",
    "frames per second",
    "Analysed frames of a stream over the last seconds.",
    ("live_detector",),
    ("stream",),
)
STREAM_FPS = Metric(
    "web_detector_stream_fps",
    "frames per second",
    "Frames of a stream that came over the last seconds.",
    ("ingest",),
    ("stream",),
)
STREAM_BYTES = Metric(
    "web_detector_stream_bytes_per_second",
    "bytes per second",
    "Bit rate of a stream over the last seconds, in bytes.",
    ("ingest",),
    ("stream",),
)
RECONNECTS = Metric(
    "web_detector_stream_reconnects_total", "reconnects", "Sources of streams that were connected anew.", ("ingest",)
)

# The api, and what it reads for all.
HTTP_SECONDS = Metric(
    "web_detector_http_request_seconds",
    "seconds",
    "From a request's head to the end of its answer, by operation of the API and first digit of the status. Streamed "
    "answers (events, WebSockets) are left out.",
    _API,
    ("operation", "status"),
    buckets=_REQUESTS,
)
UPLOAD_BYTES = Metric(
    "web_detector_upload_bytes_total", "bytes", "Bytes of videos that were stored, by upload or import.", _API
)
WORKERS = Metric(
    "web_detector_workers",
    "processes",
    "Workers that are there.",
    _API,
    ("role",),
    ("processor", "renderer", "detector", "ingest", "live_detector"),
)
SERVER_UP = Metric(
    "web_detector_server_up",
    "none",
    "1 where a server answers that the service needs, else 0.",
    _API,
    ("server",),
    ("database", "result_store", "broker", "redis"),
)
STORAGE_BYTES = Metric(
    "web_detector_storage_bytes",
    "bytes",
    "Size of what is stored, as the tables say.",
    _API,
    ("content",),
    ("videos", "renditions"),
)
STORAGE_FREE = Metric(
    "web_detector_storage_free_bytes", "bytes", "Free space of the storage; none for an object store.", _API
)
RESULT_STORE_BYTES = Metric(
    "web_detector_result_store_bytes",
    "bytes",
    "Memory of Redis, or size of the tables in PostgreSQL, that hold results of running jobs.",
    _API,
)

# Scaling, by kind of detector: those of jobs and those of live streams.
_DETECTORS = ("detector", "live_detector")
CAPACITY = Metric(
    "web_detector_capacity_fps",
    "frames per second",
    "Frames that the detectors can analyse, as measured while they are busy; 0 where nothing was measured yet.",
    _API,
    ("role",),
    _DETECTORS,
)
SCALE_RATIO = Metric(
    "web_detector_scale_ratio",
    "ratio",
    "What is wanted of the detectors to what they can do: for those of jobs the backlog within SCALE_TARGET_SECONDS, "
    "for those of streams the frames that are wanted. Above 1, detectors are lacking.",
    _API,
    ("role",),
    _DETECTORS,
)
DETECTORS_WANTED = Metric(
    "web_detector_detectors_wanted",
    "processes",
    "Detectors that would bring the scale ratio to 1.",
    _API,
    ("role",),
    _DETECTORS,
)

TABLE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in TABLE}


def of_role(role: MetricRole) -> tuple[Metric, ...]:
    """The metrics of a role, in the order of the table."""
    return tuple(metric for metric in TABLE if role in metric.roles)
