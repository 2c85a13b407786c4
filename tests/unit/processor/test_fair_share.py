"""Whose turn it is: nobody is forgotten, nobody gets more than is due, and detectors always have something to do."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.database.tables import Job
from contracts.wire.job_states import JobState
from processor.core.fair_share import WORKED_ON, is_due, next_jobs, to_send, window

STATES = [*WORKED_ON, JobState.MERGING, JobState.QUEUED]


def jobs(*those: tuple[str, JobState]) -> list[Job]:
    """Jobs of (user, state), the oldest first, with their places as ids."""
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    return [
        Job(id=str(place), user_id=user, state=str(state), created_at=begin + timedelta(seconds=place))
        for place, (user, state) in enumerate(those)
    ]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(STATES)), max_size=40),
    st.integers(1, 5),
)
def test_oldest_jobs_start_up_to_the_limit_per_user(those: list[tuple[str, JobState]], limit: int) -> None:
    all_jobs = jobs(*those)
    begun = next_jobs(all_jobs, limit)
    for user in "abc":
        at_work = sum(job.user_id == user and job.state in WORKED_ON for job in all_jobs)
        queued = [job for job in all_jobs if job.user_id == user and job.state == JobState.QUEUED]
        assert [job for job in begun if job.user_id == user] == queued[: max(0, limit - at_work)]


def test_started_jobs_alternate_between_users() -> None:
    queued = JobState.QUEUED
    waiting = jobs(("a", queued), ("a", queued), ("a", queued), ("b", queued), ("c", queued), ("c", queued))
    assert [job.user_id for job in next_jobs(waiting, 2)] == ["a", "b", "c", "a", "c"]


def test_cancelled_job_does_not_start() -> None:
    first, second = jobs(("a", JobState.QUEUED), ("a", JobState.QUEUED))
    first.cancel_requested = True
    assert next_jobs([first, second], 1) == [second]


def test_the_window_grows_with_the_detectors_and_is_shared_among_a_users_jobs() -> None:
    assert [window(6, detectors, 1) for detectors in (0, 1, 16)] == [6, 6, 96]
    assert [window(6, 1, jobs) for jobs in (0, 1, 4, 100)] == [6, 6, 1, 1]


@given(st.integers(1, 9), st.integers(1, 60), st.randoms(use_true_random=False))
def test_every_chunk_is_sent_once_and_detectors_stay_busy(room: int, total: int, random: object) -> None:
    """Chunks end in any order; whenever a batch is done, the next ones are sent, as the chord's callback does it."""
    sent, stored, batches = 0, set[int](), list[set[int]]()
    todo = to_send(room, total, 0, stored)
    times: Counter[int] = Counter()
    while True:
        for batch in todo:
            assert batch.start == sent
            sent = batch.stop
            times.update(batch)
            batches.append(set(batch))
        waiting = [index for index in range(sent) if index not in stored]
        assert len(waiting) <= room
        if not waiting:
            break
        done = random.choice(waiting)  # type: ignore[attr-defined]
        stored.add(done)
        over = [batch for batch in batches if batch <= stored]
        batches = [batch for batch in batches if not batch <= stored]
        todo = to_send(room, total, sent, stored) if over else []
    assert times == Counter(range(total))


def test_a_second_callback_sends_nothing() -> None:
    first = to_send(6, 100, 0, ())
    assert first == [range(3), range(3, 6)]
    assert to_send(6, 100, 6, {0, 1}) == []
    assert to_send(6, 100, 6, {0, 1, 2}) == [range(6, 9)]
    assert to_send(6, 100, 9, {0, 1, 2}) == []
    assert to_send(6, 8, 6, {0, 1, 2, 3, 4, 5}) == [range(6, 8)]


def test_retries_back_off_exponentially() -> None:
    assert [passes for passes in range(1, 100) if is_due(passes, 4)] == [4, 12, 28, 60]
