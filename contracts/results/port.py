"""Port of the result store: chunk results, progress, leases and flags of running jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.wire.messages import Layout

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """cpu_seconds: of the detectors' processes, decoders included. inferred: frames that went through the model and not
    those that were filled in."""

    cpu_seconds: float = 0.0
    inferred: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu_seconds + other.cpu_seconds, self.inferred + other.inferred)


@dataclass(frozen=True, slots=True)
class Progress:
    """frames: number with a result; seconds: detector time spent on them. cost: of all attempts, also of those that
    came to nothing."""

    frames: int
    seconds: float
    cost: Cost = Cost()


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease on a chunk: its index, who has it, and for how many seconds from the last sign of life."""

    index: int
    owner: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Sign:
    """What a detector says while it works. index: of the chunk in progress; frames, seconds: see set_progress.
    attempt, cost: see set_cost."""

    index: int
    frames: int
    seconds: float
    attempt: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Standing:
    """held: whether the lease is the asker's. cancelled: whether the cancellation of the job was requested."""

    held: bool
    cancelled: bool


class ResultStore(Protocol):
    """State of running jobs. Writes are idempotent (the first one wins, or the same value is written again), so a
    repeated task changes nothing. A job that is not written or touched expires after its TTL.

    Every method raises StoreUnavailable when the store does not answer in time.
    """

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        """Store a chunk's bytes; False when it already has some, which are kept."""

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        """A chunk's bytes, or None."""

    def has_chunk(self, job_id: str, index: int) -> bool:
        """Whether a chunk is stored."""

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        """Indexes of the stored chunks."""

    def put_layout(self, job_id: str, layout: Layout) -> None:
        """Store the job's layout: how its chunks cover its frames."""

    def get_layout(self, job_id: str) -> Layout | None:
        """The job's layout, None before planning or after its data expired."""

    def put_note(self, job_id: str, name: str, data: bytes) -> None:
        """Keep bytes of a job under a name, in place of those of before."""

    def get_note(self, job_id: str, name: str) -> bytes | None:
        """The bytes that are kept under a name, or None."""

    def begin_attempt(self, job_id: str, index: int) -> int:
        """Count an attempt at a chunk; returns the number of attempts, including this one."""

    def withdraw_attempt(self, job_id: str, index: int) -> None:
        """Uncount an attempt whose failure was not caused by the chunk."""

    def attempts(self, job_id: str) -> dict[int, int]:
        """Number of attempts by chunk."""

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        """Take or renew the lease of a chunk; False when another owner has it."""

    def release_lease(self, job_id: str, index: int, owner: str) -> None:
        """Release the lease of a chunk, if it is still the owner's."""

    def leased(self, job_id: str, index: int) -> bool:
        """Whether a chunk is leased."""

    def report(self, job_id: str, hold: Hold, sign: Sign) -> Standing:
        """A sign of life: renew the lease, set progress (not where another has the lease) and cost, and tell how things
        stand, all in one request. The store gets most of its requests so."""

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        """Set the progress of a chunk; overwrites that of an earlier attempt."""

    def set_cost(self, job_id: str, attempt: str, cost: Cost) -> None:
        """Set what an attempt has cost so far. attempt: a name that no other attempt of the job has."""

    def progress(self, job_id: str) -> Progress:
        """Progress of the job: the sum over its chunks."""

    def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        """Progress of several jobs, in one request."""

    def fix_runtime(self, job_id: str, runtime: str) -> str:
        """Fix provider and precision of the job (see messages.runtime) unless already fixed; returns the fixed ones."""

    def runtime(self, job_id: str) -> str | None:
        """The fixed provider and precision of the job, or None."""

    def request_cancel(self, job_id: str) -> None:
        """Request the cancellation of the job's tasks."""

    def cancelled(self, job_id: str) -> bool:
        """Whether the cancellation of the job was requested."""

    def touch(self, job_id: str) -> None:
        """Renew the job's TTL."""

    def retire(self, job_id: str, seconds: int) -> None:
        """The result file stands: where chunks take memory, keep the job's no longer than so many seconds from now.
        Detectors drop what was sent of the job and has not begun."""

    def drop_notes(self, job_id: str) -> None:
        """Remove all notes of the job."""

    def forget(self, job_id: str) -> None:
        """Remove all data of the job."""

    def idle(self, seconds: float) -> frozenset[str]:
        """Jobs with data that was not written or touched for these seconds."""

    def sweep(self) -> int:
        """Free the space of expired and removed jobs, for a few seconds at most; returns the number of jobs
        freed."""

    def size(self) -> int:
        """Bytes that the store takes, with all that its server keeps beside it."""

    def ping(self) -> None:
        """Check that the store answers."""
