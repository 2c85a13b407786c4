"""The states of a job and the moves between them, as data."""

from enum import StrEnum


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    PLANNING = "planning"
    RUNNING = "running"
    MERGING = "merging"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobState.SUCCEEDED, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED})
ACTIVE = frozenset(JobState) - TERMINAL
WORKING = ACTIVE - {JobState.QUEUED}

# A terminal state has no way out; every active one can fail or be cancelled.
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.PLANNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.PLANNING: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.MERGING, JobState.FAILED, JobState.CANCELLED}),
    JobState.MERGING: TERMINAL,
    **{state: frozenset() for state in TERMINAL},
}


def sources(target: JobState) -> frozenset[JobState]:
    """The states from which `target` may be reached in one move."""
    return frozenset(state for state, targets in TRANSITIONS.items() if target in targets)
