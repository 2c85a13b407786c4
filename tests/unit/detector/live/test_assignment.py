"""Streams and live detectors: every stream gets one, none has many more than another, and none is passed to and fro."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.live.streams import StreamSpec
from detector.live.assignment import ORPHAN_SECONDS, Waiting, share, to_give, wanted


def spec(name: str, **changes: object) -> StreamSpec:
    return StreamSpec(name, "someone", "push", 1, 0.0, **{"model": "m", **changes})  # type: ignore[arg-type]


def test_streams_that_run_with_a_model_of_these_pools_are_wanted() -> None:
    specs = [spec("a"), spec("b", wanted="stopped"), spec("c", model="slow"), spec("d", model="unknown")]
    assert set(wanted(specs, {"m": "", "slow": "gpu"}, ("",))) == {"a", "d"}
    assert set(wanted(specs, {"m": "", "slow": "gpu"}, ("gpu",))) == {"c"}


def test_one_with_its_share_takes_what_nobody_takes_after_a_while() -> None:
    waiting = Waiting()
    assert waiting.to_ask(["a", "b"], 0, 1, 0.0) == ["a", "b"]
    assert waiting.to_ask(["a", "b"], 1, 1, 1.0) == []
    waiting.refused("a", 1.5)
    assert waiting.to_ask(["a", "b"], 1, 1, ORPHAN_SECONDS) == ["b"]
    assert waiting.to_ask(["a"], 1, 1, 1.5 + ORPHAN_SECONDS) == ["a"]


def test_one_with_more_than_its_share_gives_back_what_another_asks_for() -> None:
    assert to_give(["b"], 3, 2) == "b"
    assert to_give(["b"], 2, 2) is None
    assert to_give([], 3, 2) is None


class Detector:
    """The rules of one, on a table of locks that all see."""

    def __init__(self, owners: dict[str, object], asked: dict[str, float]) -> None:
        self.owners, self.asked, self.waiting = owners, asked, Waiting()

    def mine(self) -> list[str]:
        return [stream for stream, owner in self.owners.items() if owner is self]

    def tick(self, streams: list[str], detectors: int, now: float) -> None:
        most = share(len(streams), detectors)
        given = to_give(
            [stream for stream in self.mine() if now - self.asked.get(stream, -10) < 3], len(self.mine()), most
        )
        if given:
            del self.owners[given]
            self.waiting.refused(given, now)
        for stream in self.waiting.to_ask(
            [one for one in streams if one not in self.mine()], len(self.mine()), most, now
        ):
            if stream in self.owners:
                self.asked[stream] = now
                self.waiting.refused(stream, now)
            else:
                self.owners[stream] = self


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 4))
def test_they_come_to_rest_with_every_stream_analysed_and_none_far_above_its_share(
    count: int, detectors: int, killed: int
) -> None:
    owners: dict[str, object] = {}
    asked: dict[str, float] = {}
    streams = [f"s{number}" for number in range(count)]
    all_of_them: list[Detector] = []
    now = 0.0

    def run(seconds: int) -> None:
        nonlocal now
        for _ in range(seconds):
            now += 1.0
            for one in all_of_them:
                one.tick(streams, len(all_of_them), now)

    for _ in range(detectors):  # one after the other
        all_of_them.append(Detector(owners, asked))
        run(3)
    run(2 * count + 6)
    assert set(owners) == set(streams)
    assert max(len(one.mine()) for one in all_of_them) <= share(count, detectors)
    before = dict(owners)
    run(20)
    assert owners == before, "nothing moves any more"
    for dead in all_of_them[: min(killed, detectors - 1)]:
        all_of_them.remove(dead)
        for stream in dead.mine():
            del owners[stream]
    run(4)
    assert set(owners) == set(streams), "within seconds"
