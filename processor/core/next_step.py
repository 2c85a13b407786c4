"""What a job needs next: to be ended, to have chunks sent, or nothing. Pure."""

from enum import Enum, auto

from contracts.wire.job_states import JobState


class Step(Enum):
    """NOTHING: not planned yet, or already ended."""

    NOTHING = auto()
    SEND = auto()
    END = auto()


def next_step(state: str, *, stopped: bool, total: int | None, stored: int) -> Step:
    """The next step of a job. Safe to ask any number of times, from several processes.

    stopped: cancelled or past its deadline; total: chunks of the job, None before planning; stored: finished chunks.
    """
    if state == JobState.MERGING:
        return Step.END  # its merge was interrupted, or waits for room in the storage
    if state != JobState.RUNNING:
        return Step.NOTHING
    return Step.END if stopped or (total is not None and stored >= total) else Step.SEND
