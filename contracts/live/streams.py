"""Streams: kinds, options, states, and what ingest and detectors need to know of one.

A stream has a clock of its own, the stream clock: TICKS_PER_SECOND ticks a second since `StreamSpec.started_at`.
Packets, results, media fragments and recordings carry times of it, so that boxes belong to pictures whatever the
source's times were. It runs on while a source is reconnected, and never falls.
"""

from enum import StrEnum
from typing import Literal, get_args

import msgspec

from contracts.wire.messages import Options

# webrtc: a browser or another WHIP client sends. rtsp, http: a camera is read. video: a stored video in a loop, at its
# own pace. push: single JPEGs are posted.
Kind = Literal["webrtc", "rtsp", "http", "video", "push"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Wanted = Literal["running", "stopped"]

TICKS_PER_SECOND = 90_000
TIME_BASE = (1, TICKS_PER_SECOND)


class StreamState(StrEnum):
    """connecting -> live <-> reconnecting; stopped by its user; failed: not tried again until it is changed or
    started."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    STOPPED = "stopped"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a stream is in its state, where that is not plain."""

    NO_INGEST = "no_ingest"  # no ingest is running, or none has taken the stream yet
    WAITING_FOR_SENDER = "waiting_for_sender"  # no WHIP client, no pushed image
    UNREACHABLE = "unreachable"  # no answer from the address
    UNAUTHORIZED = "unauthorized"  # user name or password are wrong
    NOT_ALLOWED = "not_allowed"  # the address is outside STREAM_ALLOW_NETWORKS, or leads there
    NOT_A_STREAM = "not_a_stream"  # something else answers: a playlist, a page, no video in it
    UNSUPPORTED_CODEC = "unsupported_codec"
    LOST = "lost"  # the source ended or closed the connection
    SILENT = "silent"  # connected, and no packet for STREAM_SILENT_SECONDS
    ICE_FAILED = "ice_failed"  # no way for the media between sender and ingest
    SOURCE_MISSING = "source_missing"  # the stored video was deleted
    SOURCE_BROKEN = "source_broken"  # the source's reader ended unexpectedly


class DropReason(StrEnum):
    """Why a frame has no result. Frames that max_fps leaves out are not dropped."""

    NETWORK = "network"  # lost on the way here, or not decodable
    TRANSPORT = "transport"  # trimmed from the packet stream before the detector read it
    BEHIND = "behind"  # a newer frame came before the engine was free


class StreamOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is detected in a stream. The fields that jobs have too mean the same: see contracts.wire.messages.Options.

    max_fps: most frames per second that are analysed, None for all.
    """

    min_score: float = 0.35
    labels: tuple[str, ...] | None = None
    region: tuple[float, float, float, float] | None = None
    max_fps: float | None = None

    def as_job(self) -> Options:
        """The same as options of a job, for the plan of a recording's results."""
        return Options(min_score=self.min_score, labels=self.labels, region=self.region, sample_fps=self.max_fps)


class RecordingOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a stream is recorded. minutes: length of one recording. keep_days, keep_bytes: older recordings are removed;
    None keeps them."""

    minutes: float = 5
    keep_days: float | None = None
    keep_bytes: int | None = None


class StreamSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ingest and detectors need to know of a stream; the database row is the original.

    revision: grows with every change. started_at: Unix seconds of tick 0 of the stream clock, set at every start.
    model: id in the catalogue. video_id: of the kind "video". record: None where it is not recorded; record_stopped:
    why, where its user wants it, such as "storage_used_up". created_at: Unix seconds at which the stream was added, 0
    where an earlier release published it. The address is kept apart, sealed: see contracts.live.registry.
    """

    id: str
    user_id: str
    kind: Kind
    revision: int
    started_at: float
    model: str
    options: StreamOptions = StreamOptions()
    record: RecordingOptions | None = None
    wanted: Wanted = "running"
    video_id: str | None = None
    record_stopped: str = ""
    created_at: float = 0.0
