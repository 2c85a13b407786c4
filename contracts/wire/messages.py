"""Messages and stored documents of all roles: frozen data with one codec and a schema version.

A message carries references (a storage key, a range of frames), never pixels. Roles of different releases read each
other's messages, and a result file's bytes depend on the video and the plan alone. Therefore:

- Readers ignore unknown fields. Only the HTTP API refuses unknown options.
- A field that exists is always written, also at its default.
- A new field is declared as `name: T | msgspec.UnsetType = msgspec.UNSET`, where UNSET stands for its default. It is
  not written while it is UNSET, so messages and results that do not use it keep their bytes.
- A change that older readers must not ignore raises SCHEMA; they refuse such a message with UnsupportedSchema.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

from contracts.errors import UnsupportedSchema

SCHEMA = 1
# Of chunks that release 1.0 cannot decode: their frames are known by their packets alone.
SCHEMA_BY_PACKETS = 2
# Of messages with several chunks.
SCHEMA_OF_RUNS = 3

Clock = Literal["pts", "dts"]
FpsSource = Literal["request", "stream", "assumed"]
# How closely a job looks where it fills in boxes between the frames that it looks at.
Filling = Literal["fine", "balanced", "coarse"]
FPS_LIMITS = (0.1, 300)  # of an elementary stream
T = TypeVar("T")


class Options(msgspec.Struct, frozen=True):
    """Options of a job, as the client chose them. The API's spec has the bounds.

    min_score: least score of a detection. labels: names to keep, None for all. every_n: each n-th frame, counted from
    the start of the video. sample_fps: at most that many frames per second. start_ms (included) and end_ms (excluded):
    part of the video. region: x1, y1, x2, y2 from 0 to 1 of the displayed frame; only this part is analysed. masks:
    each object's outline too, from a model that has masks. frames: UNSET (in the API: "all") infers every frame, else
    some, and the boxes of the others are filled in. Not knowing it is no wrong answer: every frame is inferred and
    none marked as filled.
    """

    min_score: float = 0.35
    labels: tuple[str, ...] | None = None
    every_n: int | None = None
    sample_fps: float | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    region: tuple[float, float, float, float] | None = None
    masks: bool = False
    frames: Filling | msgspec.UnsetType = msgspec.UNSET


class Versioned(msgspec.Struct, frozen=True):
    """A message with a schema version. Decoding a later version raises UnsupportedSchema."""

    schema: int

    def __post_init__(self) -> None:
        latest = SCHEMA_OF_RUNS if isinstance(self, Chunk) else SCHEMA
        if self.schema > latest:
            raise UnsupportedSchema(
                f"{type(self).__name__} has schema {self.schema}, and this release reads up to {latest}: upgrade it"
            )


class ClockSegment(msgspec.Struct, frozen=True):
    """A part of a video whose container clock runs on without a break.

    frame: number of its first frame. time_ms: of that frame. container_ms: the container's own time of that frame.
    reason: why the segment begins: "start", or how the clock jumped.
    """

    frame: int
    time_ms: float
    container_ms: float
    reason: Literal["start", "jump_back", "jump_forward"]


class Media(msgspec.Struct, frozen=True):
    """Metadata of a video. width and height: pixels of the displayed frame, after rotation (degrees clockwise that a
    player applies); of the first one, where they change. pixel_aspect: of the displayed frame; reported, not applied.
    damage: why the file holds less than it announces, None for an undamaged one. frame_sizes: (width, height) of all
    displayed frames in the order in which they come, where they change. mirrored: whether a player mirrors the stored
    frame left to right before it rotates it. start_ms: the container's own time at time_ms 0, where it is not 0 and
    players show it as 0. clock: the segments of the container's clock where it has more than one.

    A 16th field would change the bytes of every result: see VideoMedia."""

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
    frame_sizes: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET
    mirrored: bool | msgspec.UnsetType = msgspec.UNSET
    start_ms: float | msgspec.UnsetType = msgspec.UNSET
    clock: tuple[ClockSegment, ...] | msgspec.UnsetType = msgspec.UNSET


class VideoMedia(Media, frozen=True):
    """Metadata of a video with what its results do not tell. fps_source: where the rate of an elementary stream is
    from, whose frames have no times."""

    fps_source: FpsSource | msgspec.UnsetType = msgspec.UNSET


class Location(msgspec.Struct, frozen=True):
    """Where a keyframe's packet is in the file.

    position: first byte of the packet, or of one before it, None where the demuxer does not say. size: of that packet
    in bytes, 0 where nothing tells it from others. ahead: how many packets before the keyframe that one comes.
    """

    position: int | None
    size: int
    ahead: int = 0


class PacketIndex(Versioned, frozen=True):
    """Packets of the video stream in decoding order, as the container lists them.

    pts and dts are in units of time_base (numerator, denominator of a second). keyframes are
    positions in those lists. clock: which of the two lists is the frames' time.
    locations: one of each keyframe; unset in an index of release 1.0. frames, times: the packet that begins each
    frame, in display order, and its time; unset where pts say both: see processor.core.frame_order. origin: what is
    subtracted from pts, unset for 0. pids: of a transport stream's video, where it has several one after the other.
    """

    time_base: tuple[int, int]
    clock: Clock
    pts: tuple[int | None, ...]
    dts: tuple[int | None, ...]
    keyframes: tuple[int, ...]
    locations: tuple[Location, ...] | msgspec.UnsetType = msgspec.UNSET
    frames: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    times: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    origin: int | msgspec.UnsetType = msgspec.UNSET
    pids: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET


class ProbeReport(msgspec.Struct, frozen=True):
    """Result of a probe: media and index, or why the file is refused."""

    media: VideoMedia | None = None
    index: PacketIndex | None = None
    refused: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """Everything that a result depends on besides the video. precision and provider (execution provider of the engine)
    may be "auto" until the first detector fixes them for the whole job. model_digest: hash of the model file and of
    its catalogue entry."""

    model: str
    model_digest: str
    engine: str
    precision: str
    options: Options
    provider: str = "auto"

    def settled(self, runtime: str) -> "Plan":
        """The plan with the precision and provider of a `runtime` text."""
        precision, _, provider = runtime.partition(" ")
        return msgspec.structs.replace(self, precision=precision, provider=provider)


def runtime(precision: str, provider: str) -> str:
    """Precision and provider of a job as one text, for the result store."""
    return f"{precision} {provider}"


class Jump(msgspec.Struct, frozen=True):
    """A seek before the frame at position `at` of a chunk's times; the frames in between are not needed. seeks: as in
    Chunk."""

    at: int
    seeks: tuple[int, ...]


class SeekPoint(msgspec.Struct, frozen=True):
    """A keyframe to start decoding at. packet: its number in decoding order; location and times: how to find it."""

    packet: int
    location: Location
    pts: int | None
    dts: int | None


class Stretch(msgspec.Struct, frozen=True):
    """Frames of a chunk that are decoded from one keyframe on.

    at: position in the chunk's frames of the first of them. seeks: keyframes to start at, the nearest first; None is
    the start of the file. The next one is tried when the first frame cannot be decoded from the one before. last:
    number of the last packet that they need.
    """

    at: int
    seeks: tuple[SeekPoint | None, ...]
    last: int


class Chunk(Versioned, frozen=True):
    """One detector task: the frames that begin with the given packets, in display order.

    first_frame: number of the first frame. times: their times, in units of the video's time base. sampled: frame
    numbers, None when they are consecutive from first_frame. packets: the number of each frame's packet. stretches:
    how to decode them. several: a frame may take several packets, so that none may be skipped. pids: as in the packet
    index. pool: the detector pool, empty for the default one. continues: whether the chunk before it belongs to the
    same run. lengths, columns: see contracts.wire.runs. time_base: of the times, where the job infers some frames only.
    clock, seeks, end, jumps: what release 1.0 decodes by, where it can: dts to start at, the first time after the
    chunk, and seeks between its frames.
    """

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
    mirrored: bool | msgspec.UnsetType = msgspec.UNSET
    packets: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    stretches: tuple[Stretch, ...] | msgspec.UnsetType = msgspec.UNSET
    several: bool | msgspec.UnsetType = msgspec.UNSET
    pids: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    continues: bool | msgspec.UnsetType = msgspec.UNSET
    lengths: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    columns: str | msgspec.UnsetType = msgspec.UNSET
    time_base: tuple[int, int] | msgspec.UnsetType = msgspec.UNSET

    @property
    def numbers(self) -> Sequence[int]:
        """Number of each frame."""
        return self.sampled or range(self.first_frame, self.first_frame + len(self.times))


class FrameRange(msgspec.Struct, frozen=True):
    """Requested frames without a result, first to last (both included), and the reason."""

    first: int
    last: int
    reason: str


class DroppedFrames(msgspec.Struct, frozen=True):
    """Frames of a live stream without a result, which nobody asked for again: so many between two times, and why.

    start_ms, end_ms: of the frames with a result around them, or of the recording's start and end. reason: a DropReason
    of contracts.live.streams, or one of processor.recordings.matching.
    """

    start_ms: float
    end_ms: float
    frames: int
    reason: str


class ResultHeader(Versioned, frozen=True):
    """Header of a result: the video, the plan, and the missing frames. dropped: of a live stream's result, which has
    the frames that were analysed while they came, and no others; unset for a job over a stored video."""

    media: Media
    time_base: tuple[int, int]
    plan: Plan
    labels: tuple[str, ...]
    complete: bool
    missing: tuple[FrameRange, ...] = ()
    dropped: tuple[DroppedFrames, ...] | msgspec.UnsetType = msgspec.UNSET


class Layout(msgspec.Struct, frozen=True):
    """Division of a job's frames into chunks: chunk i has lengths[i] frames from starts[i]. continues: those that
    belong to the same run as the one before."""

    header: ResultHeader
    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    continues: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET


class JobPlan(Versioned, frozen=True):
    """A planned job, kept in the storage until the job ends."""

    header: ResultHeader
    chunks: tuple[Chunk, ...]


class ChunkFailure(msgspec.Struct, frozen=True):
    """Why a chunk failed; stored in place of its frames."""

    code: str
    detail: str


def encode(message: msgspec.Struct) -> bytes:
    """Encode a message as MessagePack."""
    return msgspec.msgpack.encode(message)


def decode(data: bytes | bytearray, kind: type[T]) -> T:
    """Decode a message of `encode`. Raises msgspec.ValidationError, UnsupportedSchema."""
    return msgspec.msgpack.decode(data, type=kind)


def to_json(message: msgspec.Struct) -> Any:
    """Convert a message to lists and dictionaries, for task arguments and JSON columns."""
    return msgspec.to_builtins(message)


def from_json(data: Any, kind: type[T]) -> T:
    """Convert back from `to_json`. Raises msgspec.ValidationError, UnsupportedSchema."""
    return msgspec.convert(data, type=kind)
