"""What travels between the roles: frozen data with one codec and a schema version.

A message carries references (a storage key, a range of frames), never pixels.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

SCHEMA = 1

Clock = Literal["pts", "dts"]
T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client may choose for a job.

    min_score: least score of a detection, 0 to 1. labels: names to keep, None for all.
    every_n: each n-th frame, counted from the start of the video. sample_fps: that many frames a
    second at most. start_ms (included) and end_ms (not included): part of the video. region:
    x1, y1, x2, y2 from 0 to 1 of the displayed frame; only what lies inside is looked at.
    masks: each object's outline too, from a model that gives masks.
    """

    min_score: float = 0.35
    labels: tuple[str, ...] | None = None
    every_n: int | None = None
    sample_fps: float | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    region: tuple[float, float, float, float] | None = None
    masks: bool = False


class Media(msgspec.Struct, frozen=True):
    """Facts of a video. width and height (pixels) are those of the displayed frame, after
    rotation (degrees clockwise that a player applies); pixel_aspect is reported, not applied.
    damage: why the file holds less than it announces, None for a whole one."""

    container: str
    codec: str
    width: int
    height: int
    rotation: int
    pixel_aspect: str
    duration_ms: float
    frames: int
    fps: float
    variable_fps: bool
    damage: str | None = None


class PacketIndex(msgspec.Struct, frozen=True):
    """What the container says about the packets of the video stream, in the order of decoding.

    pts and dts are in units of time_base (numerator, denominator of a second). keyframes are
    positions in those lists. clock names the list that is the time of the frames.
    """

    schema: int
    time_base: tuple[int, int]
    clock: Clock
    pts: tuple[int | None, ...]
    dts: tuple[int | None, ...]
    keyframes: tuple[int, ...]


class ProbeReport(msgspec.Struct, frozen=True):
    """The answer of a probe: media and index, or the reason why the file is refused."""

    media: Media | None = None
    index: PacketIndex | None = None
    refused: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """Everything that decides a result, settled once per job. precision and provider (what of the
    engine computes) may be "auto" until the first detector fixes them for the whole job.
    model_digest: of the model's file and of how it is used."""

    model: str
    model_digest: str
    engine: str
    precision: str
    options: Options
    provider: str = "auto"

    def settled(self, runtime: str) -> "Plan":
        """The plan as it was computed: see `runtime`."""
        precision, _, provider = runtime.partition(" ")
        return msgspec.structs.replace(self, precision=precision, provider=provider)


def runtime(precision: str, provider: str) -> str:
    """What computes a job, as the result store keeps it."""
    return f"{precision} {provider}"


class Jump(msgspec.Struct, frozen=True):
    """Before the frame at this position of a chunk's times, decoding begins anew: what lies between is
    not needed. seeks: as of a chunk."""

    at: int
    seeks: tuple[int, ...]


class Chunk(msgspec.Struct, frozen=True):
    """One task of a detector: the frames with the given times, in the order of display.

    seeks: dts to start decoding at, the nearest first; None is the start of the file. A later
    one is tried when the first frame cannot be decoded from the one before.
    first_frame: number of the first frame. times: expected times in the clock's units. end: the
    first time past the chunk, None at the end of the video. sampled: numbers of the frames where
    they do not simply follow first_frame. jumps: over what no frame of the chunk needs. pool: the
    detectors that can do it, empty for the default ones.
    """

    schema: int
    job_id: str
    index: int
    video_key: str
    plan: Plan
    clock: Clock
    rotation: int
    width: int
    height: int
    seeks: tuple[int | None, ...]
    first_frame: int
    times: tuple[int, ...]
    end: int | None
    sampled: tuple[int, ...] | None = None
    jumps: tuple[Jump, ...] = ()
    pool: str = ""

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each frame."""
        return self.sampled or range(self.first_frame, self.first_frame + len(self.times))


class FrameRange(msgspec.Struct, frozen=True):
    """Frames first to last, both included, as far as the options asked for them, and why they
    have no result."""

    first: int
    last: int
    reason: str


class ResultHeader(msgspec.Struct, frozen=True):
    """What stands before the frames of a result: the video, the plan, and what is missing."""

    schema: int
    media: Media
    time_base: tuple[int, int]
    plan: Plan
    labels: tuple[str, ...]
    complete: bool
    missing: tuple[FrameRange, ...] = ()


class Layout(msgspec.Struct, frozen=True):
    """How the chunks of a job cover its frames: chunk i holds lengths[i] frames from starts[i]."""

    header: ResultHeader
    starts: tuple[int, ...]
    lengths: tuple[int, ...]


class JobPlan(msgspec.Struct, frozen=True):
    """A job as planned, kept beside the video until the job ends."""

    schema: int
    header: ResultHeader
    chunks: tuple[Chunk, ...]


class ChunkFailure(msgspec.Struct, frozen=True):
    """Why a chunk has no frames. Stored in the place of the chunk's frames."""

    code: str
    detail: str


def encode(message: msgspec.Struct) -> bytes:
    """A message as compact bytes."""
    return msgspec.msgpack.encode(message)


def decode(data: bytes, kind: type[T]) -> T:
    """A message from `encode`. Raises msgspec.ValidationError when it is another one."""
    return msgspec.msgpack.decode(data, type=kind)


def to_json(message: msgspec.Struct) -> Any:
    """A message as plain lists and dictionaries, for task arguments and JSON columns."""
    return msgspec.to_builtins(message)


def from_json(data: Any, kind: type[T]) -> T:
    """A message from `to_json`. Raises msgspec.ValidationError when it is another one."""
    return msgspec.convert(data, type=kind)
