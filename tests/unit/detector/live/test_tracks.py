"""The numbers of a stream's tracks."""

import time
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from analytics.tracking.tracker import Tracker
from contracts.live import keys
from contracts.live.results import FIELD, KeptTracks, LiveFrame, encode, tracks
from contracts.live.streams import StreamOptions, StreamSpec
from contracts.results.tracks import TrackerParameters
from detector.live.tracks import StreamTracks, lost_numbers
from tests.support.tracking.scene import HEIGHT, WIDTH, street

SCENE = street(8, 120, seed=3)
SPEC = StreamSpec("one", "someone", "push", 1, 0.0, "tiny", StreamOptions(min_score=0.35))


class Kept(dict[str, bytes]):
    """A Redis that has these values. results: whether there are any."""

    has_results = False

    def xrevrange(self, key: str, count: int) -> list[Any]:
        return [(b"1-0", {FIELD: encode(frames()[0])})] if self.has_results else []


def frames(width: int = WIDTH, plan: int = 7) -> list[LiveFrame]:
    """The scene as results, at 25 frames per second."""
    block, made = SCENE.block, []
    for number, (start, stop) in enumerate(pairwise(block.offsets().tolist())):
        columns: dict[str, Any] = {
            "class_id": block.class_id[start:stop].astype("<u2").tobytes(),
            "score": block.score[start:stop].astype("<u2").tobytes(),
            "box": block.box[start:stop].astype("<i4").tobytes(),
        }
        made.append(LiveFrame(number, number * 3600, width, HEIGHT, **columns, arrival=0.0, done=0.0, plan=plan))
    return made


def opened(kept: Any, started_at: float = 0.0, created_at: float = 0.0) -> StreamTracks:
    found = StreamTracks(kept, "one")
    found.open(msgspec.structs.replace(SPEC, started_at=started_at, created_at=created_at))
    return found


def numbers(of: StreamTracks, given: list[LiveFrame]) -> list[int]:
    return [number for frame in given for number in tracks(of.numbered(frame, SPEC))]


@pytest.fixture(scope="module")
def expected() -> list[int]:
    """As the tracker of jobs numbers them, all frames at once."""
    tracker = Tracker(TrackerParameters(start_score=0.4), HEIGHT)
    found: list[int] = tracker.advance(SCENE.block, SCENE.times_us).tolist()
    return found


def test_frames_get_the_numbers_that_a_job_gives(expected: list[int]) -> None:
    assert numbers(opened(Kept(), started_at=1e12), frames()) == expected
    assert len(set(expected)) > 5


@pytest.mark.parametrize("after", [1, 60])
def test_another_detector_goes_on_with_the_same_tracks(after: int, expected: list[int]) -> None:
    first = opened(Kept(), started_at=1e12)
    found = numbers(first, frames()[:after])
    kept = Kept({keys.tracker("one"): first.kept()})
    assert found + numbers(opened(kept), frames()[after:]) == expected


def test_no_number_is_given_twice_whatever_is_known_of_those_before() -> None:
    first = opened(Kept(), started_at=1e12)
    highest = max(numbers(first, frames()))
    unreadable = KeptTracks(highest, "", 0, b"of a later release")
    kept = Kept({keys.tracker("one"): msgspec.msgpack.encode(unreadable)})
    assert min(set(numbers(opened(kept), frames())) - {0}) == highest + 1
    assert highest < lost_numbers(120) == 1200, "after a minute or two"
    assert lost_numbers(119.9) < 1200, "what was lost twice in a minute"
    assert min(set(numbers(opened(Kept()), frames())) - {0}) > lost_numbers(1e6)
    untracked = Kept()
    untracked.has_results = True
    assert min(set(numbers(opened(untracked), frames())) - {0}) == 1, "an earlier release gave none"


def test_what_is_lost_and_then_started_again_gives_no_number_twice() -> None:
    now = time.time()
    lost = opened(Kept(), started_at=now, created_at=now - 3600)
    assert min(set(numbers(lost, frames())) - {0}) > 3600, "a track in each second of the hour before"
    new = opened(Kept(), started_at=now, created_at=now)
    assert min(set(numbers(new, frames())) - {0}) == 1


@pytest.mark.parametrize("other", [frames(width=WIDTH // 2), frames(plan=8), frames()])
def test_tracks_end_where_the_frames_are_of_another_kind_or_begin_anew(other: list[LiveFrame]) -> None:
    tracked = opened(Kept(), started_at=1e12)
    before = set(numbers(tracked, frames()[:50])) - {0}
    later = set(numbers(tracked, other[:50])) - {0}
    assert min(later) == max(before) + 1
    assert set(numbers(tracked, [msgspec.structs.replace(one, plan=one.plan + 2**32) for one in other[50:60]])) & later


def test_nothing_is_kept_of_tracks_that_have_ended() -> None:
    tracked, sizes = opened(Kept(), started_at=1e12), []
    given = frames()
    for turn in range(4):
        late = [msgspec.structs.replace(frame, pts=frame.pts + turn * 900_000) for frame in given]
        numbers(tracked, late)
        sizes.append(len(tracked.kept()))
    assert max(sizes) < sizes[0] + 100
