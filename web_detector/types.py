"""What the service answers, as typed objects. Fields are those of the API; what a later release adds is left out."""

from datetime import datetime
from typing import Any

import msgspec


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """Of a video. width, height: of the displayed frame in pixels. rotation: clockwise, in degrees."""

    container: str
    codec: str
    width: int
    height: int
    rotation: int
    duration_ms: float
    frames: int
    fps: float
    variable_fps: bool
    damage: str | None = None


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A stored video. media: None until it has been read. refused: why it cannot be processed."""

    id: str
    name: str | None
    size_bytes: int
    sha256: str
    content_type: str
    media: Media | None
    refused: str | None
    created_at: datetime
    recorded_at: datetime | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """fraction: 0 to 1. fps: frames per second of the job; eta_s: seconds left. None where they are not known."""

    frames_done: int
    frames_total: int | None
    fraction: float
    fps: float | None
    eta_s: float | None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something failed: a code for programs, a sentence for people."""

    code: str
    detail: str


class FrameRange(msgspec.Struct, frozen=True, kw_only=True):
    """Frames without a result: numbers, both included."""

    first: int
    last: int
    reason: str


class TracksState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the tracks of a job are. state: "queued", "ready" or "failed". tracks: how many there are."""

    state: str
    tracks: int | None = None
    error: Problem | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a model over a video."""

    id: str
    video_id: str
    state: str
    model: str
    options: dict[str, Any]
    progress: Progress
    error: Problem | None
    failed_ranges: tuple[FrameRange, ...]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    frames_inferred: int | None = None
    detector_cpu_seconds: float | None = None
    tracks: TracksState | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("succeeded", "partial", "failed", "cancelled")


class LabelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of one label in a job. frames: with at least one of the objects. max_at_ms: time of the first frame with most."""

    detections: int
    frames: int
    max_in_frame: int
    max_at_ms: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a job found. seconds: it took. ms_per_frame: of the detectors."""

    frames: int
    seconds: float
    ms_per_frame: float
    labels: dict[str, LabelSummary]
    top_labels: tuple[str, ...]


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """COCO's compressed run lengths. size: height and width of the displayed frame in pixels."""

    size: tuple[int, int]
    counts: str


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a frame. score: 0 to 1. box: x1, y1, x2, y2 in pixels of the displayed frame. track: id of its track
    in the job, None where it has none."""

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]
    mask: Mask | None = None
    track: int | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame and what is in it, best score first. filled: it was not inferred, its objects were filled in between
    inferred frames."""

    frame: int
    time_ms: float
    detections: tuple[Detection, ...]
    filled: bool = False


class PathPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a track stood in a frame: the middle of the lower edge of its box, in pixels."""

    frame: int
    x: float
    y: float


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """An object through the frames of a job. frames: in which it was found. score, best_frame, best_ms, best_box: of
    its best detection. hull: around all its boxes. path: without points near the line between their neighbours."""

    id: int
    label: str
    first_frame: int
    last_frame: int
    from_ms: float
    to_ms: float
    frames: int
    score: float
    best_frame: int
    best_ms: float
    best_box: tuple[float, float, float, float]
    hull: tuple[float, float, float, float]
    path: tuple[PathPoint, ...]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A track that a search found. at: when it begins; None where it is not known when the video was recorded. The
    other fields: as of Track."""

    job_id: str
    video_id: str
    track: int
    label: str
    score: float
    at: datetime | None
    from_ms: float
    to_ms: float
    best_frame: int
    best_ms: float
    best_box: tuple[float, float, float, float]
    video_name: str | None
    source: str | None


class SceneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a track did at a zone or line of a scene, see docs/scenes.md. frame: the first that shows it. seconds: how
    long it had been in the zone."""

    type: str
    track: int
    label: str
    frame: int
    time_ms: float
    zone: str | None = None
    line: str | None = None
    direction: str | None = None
    seconds: float | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of a result; next_cursor: where to go on, None at the end."""

    frames: tuple[Frame, ...]
    next_cursor: str | None


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stream while it runs. latency_ms: from arrival to the result, (median, 95th percentile).
    dropped: frames without results, by reason."""

    fps_in: float
    fps_out: float
    latency_ms: tuple[float, float] | None
    dropped: dict[str, int]
    codec: str | None = None
    width: int | None = None
    height: int | None = None


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A live stream. wanted: "running" or "stopped". reason, detail: why it is in its state."""

    id: str
    name: str
    kind: str
    url: str | None
    model: str
    wanted: str
    state: str
    reason: str | None
    detail: str | None
    started_at: datetime
    live: Live


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that jobs may use, and what it can tell apart. default: whether jobs that name none use it."""

    id: str
    labels: tuple[str, ...]
    default: bool = False
