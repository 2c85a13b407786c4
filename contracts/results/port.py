"""The port of the running jobs' state that all roles share: chunk results, progress, leases, flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.wire.messages import Layout

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """frames with a result so far, and seconds that detectors spent on them."""

    frames: int
    seconds: float


class ResultStore(Protocol):
    """What the roles know of a running job. Every write is first-wins or overwrites itself, so
    that a repeated task changes nothing. A job that nobody writes to or touches fades after its TTL.

    Every method raises StoreUnavailable when the store does not answer, or not in time.
    """

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        """Keep a chunk's bytes; False when there already are some, which stay."""

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        """A chunk's bytes, None while there are none."""

    def has_chunk(self, job_id: str, index: int) -> bool:
        """Whether a chunk is stored."""

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        """Which chunks are stored."""

    def put_layout(self, job_id: str, layout: Layout) -> None:
        """Keep how the job's chunks cover its frames."""

    def get_layout(self, job_id: str) -> Layout | None:
        """The job's layout, None before planning or after the store has forgotten the job."""

    def begin_attempt(self, job_id: str, index: int) -> int:
        """Count a try at a chunk; the number of tries, this one included."""

    def withdraw_attempt(self, job_id: str, index: int) -> None:
        """A try that was begun does not count: that it failed had nothing to do with the chunk."""

    def attempts(self, job_id: str) -> dict[int, int]:
        """Tries so far by chunk."""

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        """Take a chunk in hand, or give a sign of life; False when another owner has it."""

    def release_lease(self, job_id: str, index: int) -> None:
        """The chunk is no longer in hand."""

    def leased(self, job_id: str, index: int) -> bool:
        """Whether some detector has the chunk in hand."""

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        """How far a chunk is; overwrites what a former try said."""

    def progress(self, job_id: str) -> Progress:
        """The sum over all chunks."""

    def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        """The progress of each of these jobs, asked for at once."""

    def fix_runtime(self, job_id: str, runtime: str) -> str:
        """Settle what computes the job (see messages.runtime) if nobody did; what holds."""

    def runtime(self, job_id: str) -> str | None:
        """What was settled to compute the job."""

    def request_cancel(self, job_id: str) -> None:
        """Ask the job's tasks to stop."""

    def cancelled(self, job_id: str) -> bool:
        """Whether the job was asked to stop."""

    def touch(self, job_id: str) -> None:
        """Renew the job's TTL."""

    def forget(self, job_id: str) -> None:
        """Remove everything of the job."""

    def idle(self, seconds: float) -> frozenset[str]:
        """The jobs of which there is something that nobody has written or touched for some seconds."""

    def sweep(self) -> int:
        """Give back the room of jobs that have faded or were forgotten, as much as is done in some
        seconds; how many are gone for good."""

    def ping(self) -> None:
        """Reach the store or raise."""
