"""Messages exactly as the release before the compatibility rules of contracts.wire.messages had them. Never change."""

from typing import Literal

import msgspec

Clock = Literal["pts", "dts"]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    min_score: float = 0.35
    labels: tuple[str, ...] | None = None
    every_n: int | None = None
    sample_fps: float | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    region: tuple[float, float, float, float] | None = None
    masks: bool = False


class Media(msgspec.Struct, frozen=True):
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
    schema: int
    time_base: tuple[int, int]
    clock: Clock
    pts: tuple[int | None, ...]
    dts: tuple[int | None, ...]
    keyframes: tuple[int, ...]


class Plan(msgspec.Struct, frozen=True):
    model: str
    model_digest: str
    engine: str
    precision: str
    options: Options
    provider: str = "auto"


class Jump(msgspec.Struct, frozen=True):
    at: int
    seeks: tuple[int, ...]


class Chunk(msgspec.Struct, frozen=True):
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


class FrameRange(msgspec.Struct, frozen=True):
    first: int
    last: int
    reason: str


class ResultHeader(msgspec.Struct, frozen=True):
    schema: int
    media: Media
    time_base: tuple[int, int]
    plan: Plan
    labels: tuple[str, ...]
    complete: bool
    missing: tuple[FrameRange, ...] = ()


class JobPlan(msgspec.Struct, frozen=True):
    schema: int
    header: ResultHeader
    chunks: tuple[Chunk, ...]
