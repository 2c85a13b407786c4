"""Fair share: which jobs start, and how many of their chunks are sent. Pure.

Queues are FIFO: a new job waits for all chunks sent before it. So only as many are sent as keep the detectors busy
until the processor has sent more.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain, zip_longest
from typing import Protocol, TypeVar

from contracts.wire.job_states import JobState

WORKED_ON = (JobState.PLANNING, JobState.RUNNING)  # a merge needs no detector


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
    """The queued jobs that may start, with at most limit jobs in progress per user.

    jobs: the active ones, oldest first. The result alternates between users, each with the oldest first.
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


class SharedCopy(Protocol):
    """What is read of a copy that waits to be made."""

    @property
    def user_id(self) -> str: ...

    @property
    def created_at(self) -> datetime: ...


_Copy = TypeVar("_Copy", bound=SharedCopy)


def next_copies(waiting: Sequence[_Copy], running: Sequence[_Copy], turns: Mapping[str, float]) -> list[_Copy]:
    """The copies that wait, the one to be made next first: of the user with the fewest that are being made, whose last
    turn is the longest ago, the oldest. turns: when each user's last copy was begun."""
    made = Counter(copy.user_id for copy in running)
    return sorted(waiting, key=lambda copy: (made[copy.user_id], turns.get(copy.user_id, 0.0), copy.created_at))


def window(per_detector: int, detectors: int, jobs: int) -> int:
    """Maximum unfinished chunks of a job: enough for the live detectors, shared among the jobs of the user in
    progress."""
    return max(1, per_detector * max(1, detectors) // max(1, jobs))


def to_send(window: int, total: int, sent: int, stored: Collection[int]) -> list[range]:
    """The chunks to send now, in batches; a finished batch triggers the next.

    total: chunks of the job; sent: the number already sent; stored: the finished ones. Two batches fill the window,
    so that the detectors work on the second one while the next is being sent.
    """
    half = (window + 1) // 2
    waiting = sent - sum(1 for index in stored if index < sent)
    if waiting > window // 2:
        return []
    stop = min(total, sent + window - waiting)
    return [range(start, min(start + half, stop)) for start in range(sent, stop, half)]


def is_due(passes: int, patience: int) -> bool:
    """Whether to retry after so many passes without progress: after patience passes, then with exponential backoff,
    since a message may just be queued behind others."""
    times, rest = divmod(passes, patience)
    return rest == 0 and times > 0 and (times + 1) & times == 0
