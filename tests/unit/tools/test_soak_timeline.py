"""What `make soak` holds the service to: the order of its faults, and what they explain."""

from itertools import islice

from tests.support.soak import timeline
from tests.support.soak.timeline import Happened, Harm

NAMES = ("kill", "hold", "fill")
LIVE = Harm(silent=10)


def happened(start: float, end: float, harm: Harm = LIVE) -> Happened:
    return Happened("kill", "one", start, end, harm)


def test_a_seed_gives_the_same_faults_and_each_round_has_all_of_them() -> None:
    first, again, other = (list(islice(timeline.order(NAMES, seed, (1, 2)), 12)) for seed in (7, 7, 8))
    assert first == again
    assert [step.chance.random() for step in first] == [step.chance.random() for step in again]
    assert [step.fault for step in first] != [step.fault for step in other]
    assert all({step.fault for step in first[at : at + 3]} == set(NAMES) for at in range(0, 12, 3))
    assert all(1 <= step.pause <= 2 for step in first)


def test_a_silence_is_explained_by_the_faults_around_it_together() -> None:
    (silence,) = timeline.silences([100.0, 101.0, 131.0, 132.0], 5)
    assert silence == (106.0, 131.0)
    one, next_one = happened(102, 104), happened(110, 118)
    assert timeline.unexplained([silence], timeline.silent([one, next_one], "rtsp", slack=3)) == []
    assert timeline.unexplained([silence], timeline.silent([one], "rtsp", slack=3)) == [silence]
    assert timeline.unexplained([silence], timeline.silent([next_one], "rtsp", slack=3)) == [silence]


def test_a_fault_explains_only_what_it_may_harm() -> None:
    camera = happened(100, 140, Harm(silent=0, kinds=frozenset({"rtsp"})))
    assert timeline.silent([camera], "rtsp", 0) == [(100, 140)]
    assert timeline.silent([camera], "http", 0) == []
    assert timeline.silent([happened(100, 140, Harm(lost=5))], "rtsp", 0) == []
    assert timeline.losing([camera, happened(200, 210, Harm(lost=5))], 1) == [(198, 216)]
    kills = [happened(at, at + 1, Harm(chunks=True)) for at in (10, 20, 30)]
    assert [timeline.count(kills, "chunks", 11, until) for until in (15, 20, 100)] == [1, 2, 3]
