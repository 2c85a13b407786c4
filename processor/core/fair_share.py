"""Whose turn it is: which jobs are begun, and how many chunks of one are sent. Pure.

What was sent cannot be overtaken: whoever comes after waits for all of it. So little is sent at a time: as much as
keeps the detectors at work until the processor has sent more.
"""

from collections.abc import Collection, Sequence
from itertools import chain, zip_longest
from typing import Protocol, TypeVar

from contracts.wire.job_states import JobState

WORKED_ON = (JobState.PLANNING, JobState.RUNNING)  # a merge takes no detector's time


class SharedJob(Protocol):
    """What is read of a job."""

    @property
    def user_id(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def cancel_requested(self) -> bool: ...


_Job = TypeVar("_Job", bound=SharedJob)


def next_jobs(jobs: Sequence[_Job], limit: int) -> list[_Job]:
    """The queued jobs that may begin, when at most limit jobs of a user are worked on at once.

    jobs: those that have not ended, the oldest first. The users take turns, each with their oldest first.
    """
    free: dict[str, int] = {}
    queued: dict[str, list[_Job]] = {}
    for job in jobs:
        free.setdefault(job.user_id, limit)
        if job.state in WORKED_ON:
            free[job.user_id] -= 1
        elif job.state == JobState.QUEUED and not job.cancel_requested:
            queued.setdefault(job.user_id, []).append(job)
    waiting = [those[: max(0, free[user_id])] for user_id, those in queued.items()]
    return [job for job in chain.from_iterable(zip_longest(*waiting)) if job is not None]


def window(per_detector: int, detectors: int, jobs: int) -> int:
    """How many chunks of a job may wait or be in hand: what the detectors that are there need, shared among the jobs
    of its user that are worked on."""
    return max(1, per_detector * max(1, detectors) // max(1, jobs))


def to_send(window: int, total: int, sent: int, stored: Collection[int]) -> list[range]:
    """The chunks that are sent now, in batches of which each asks for more when it is done.

    total: chunks of the job; sent: those that were sent, from the first on; stored: those that are done. Two batches
    fill the window, so that the detectors have the second one in hand while the first one is followed up.
    """
    half = (window + 1) // 2
    waiting = sent - sum(1 for index in stored if index < sent)
    if waiting > window // 2:
        return []
    stop = min(total, sent + window - waiting)
    return [range(start, min(start + half, stop)) for start in range(sent, stop, half)]


def is_due(passes: int, patience: int) -> bool:
    """Whether to do again what has not shown for so many passes: after patience passes, and then twice as long each
    time, since it may just have to wait for others."""
    times, rest = divmod(passes, patience)
    return rest == 0 and times > 0 and (times + 1) & times == 0
