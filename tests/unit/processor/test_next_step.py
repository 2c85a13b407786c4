"""Advancing a job: its chunks are all sent, and it ends once they are stored or it is stopped."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.wire.job_states import JobState
from processor.core.fair_share import to_send
from processor.core.next_step import Step, next_step

counts = st.integers(0, 20)
totals = st.none() | st.integers(1, 20)
OTHERS = sorted(set(JobState) - {JobState.RUNNING, JobState.MERGING})


@given(st.sampled_from(OTHERS), st.booleans(), totals, counts)
def test_a_job_that_is_unplanned_or_has_ended_needs_nothing(
    state: JobState, stopped: bool, total: int | None, stored: int
) -> None:
    assert next_step(state, stopped=stopped, total=total, stored=stored) is Step.NOTHING


@given(st.booleans(), totals, counts)
def test_an_interrupted_merge_is_ended(stopped: bool, total: int | None, stored: int) -> None:
    assert next_step(JobState.MERGING, stopped=stopped, total=total, stored=stored) is Step.END


@given(st.booleans(), totals, counts)
def test_a_running_job_ends_when_it_is_stopped_or_complete_and_only_then(
    stopped: bool, total: int | None, stored: int
) -> None:
    complete = total is not None and stored >= total
    expected = Step.END if stopped or complete else Step.SEND
    assert next_step(JobState.RUNNING, stopped=stopped, total=total, stored=stored) is expected


@pytest.mark.parametrize("state", ["running", "merging"])
def test_states_are_given_as_the_tables_have_them(state: str) -> None:
    assert next_step(state, stopped=False, total=2, stored=2) is Step.END


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32))
def test_advancing_at_any_moments_sends_each_chunk_once_and_ends_the_job(room: int, total: int, seed: int) -> None:
    """Callbacks and the reaper advance a job in any order, also when nothing has changed."""
    rng = random.Random(seed)
    sent, stored, queue = 0, set[int](), list[int]()
    while next_step(JobState.RUNNING, stopped=False, total=total, stored=len(stored)) is Step.SEND:
        for batch in to_send(room, total, sent, stored):
            assert batch.start == sent
            queue.extend(batch)
            sent = batch.stop
        assert 0 < len(queue) <= room, "a job that has not ended waits for some chunk"
        for _ in range(rng.randint(0, len(queue))):
            stored.add(queue.pop(rng.randrange(len(queue))))
    assert stored == set(range(total))
