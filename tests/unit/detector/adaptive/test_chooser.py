"""Which frames are inferred: by pictures, times and detections."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.boxes import Boxes
from detector.adaptive.chooser import Chooser
from detector.adaptive.modes import MODES, Clock
from detector.decode.thumbnails import Thumbnail
from tests.unit.analytics.made import boxes
from tests.unit.detector.adaptive.made import NOTHING, RATE, chosen, noise, places, plain, spot

QUIET_FRAMES = 10 * RATE


def at(x: int, score: int = 9000) -> Boxes:
    return boxes((0, score, x, 0, x + 1000, 1000))


def moving(count: int) -> list[Boxes]:
    return [at(50 * place) for place in range(count)]


def test_in_a_still_scene_a_frame_in_ten_seconds_is_inferred() -> None:
    assert places(chosen([plain()] * 250)) == [0, QUIET_FRAMES, 2 * QUIET_FRAMES, 249]


def test_light_that_changes_is_no_change() -> None:
    assert places(chosen([plain(100 + place // 3) for place in range(100)])) == [0, 99]


def test_where_something_moves_the_step_is_the_modes_longest() -> None:
    pictures = [spot(place) for place in range(33)]
    found = moving(33).__getitem__
    assert places(chosen(pictures, found)) == [0, 8, 16, 24, 32]
    assert places(chosen(pictures, found, "fine")) == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    assert places(chosen(pictures, found, "coarse")) == [0, 12, 24, 32]


def test_slow_changes_add_up() -> None:
    """A spot that moves by a cell in a second: against the frame before, nothing ever changes."""
    pictures = [spot(place // RATE, level=104) for place in range(60)]
    pictures = [picture if place < 40 else spot(30 + place // 10) for place, picture in enumerate(pictures)]
    assert 39 in places(chosen(pictures))


def test_the_last_frame_before_a_change_is_inferred() -> None:
    pictures = [plain()] * 31 + [spot(place) for place in range(30)]
    assert places(chosen(pictures))[:3] == [0, 30, 38]


def test_what_came_and_went_between_two_equal_pictures_is_looked_at() -> None:
    pictures = [plain()] * 20 + [spot(10), spot(30), spot(50)] + [plain()] * 30
    found = places(chosen(pictures))
    assert found[:2] == [0, 19]
    assert set(found) & {20, 21, 22}, "nobody saw it"


def test_between_two_unlike_ends_the_middle_is_looked_at_down_to_the_shortest_step() -> None:
    """Objects that nobody finds again: 0.8 s, 0.4 s, 0.2 s; 1.2 s, 0.6 s, 0.3 s; 0.4 s is the shortest there."""
    pictures = [spot(place) for place in range(17)]
    far = chosen(pictures, lambda place: at(100_000 * place))
    assert places(far) == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert places(chosen(pictures, lambda place: at(100_000 * place), "coarse")) == [0, 3, 6, 9, 12, 16]


def test_boxes_of_low_scores_are_partners() -> None:
    pictures = [spot(place) for place in range(9)]
    assert places(chosen(pictures, lambda place: at(0, 9000 if place == 0 else 2000))) == [0, 8]
    assert len(places(chosen(pictures, lambda place: at(0) if place == 0 else NOTHING))) > 2


def test_a_share_of_the_boxes_may_be_without_partner() -> None:
    pictures = [spot(place) for place in range(9)]
    row = [(0, 9000, 3000 * number, 0, 3000 * number + 1000, 1000) for number in range(9)]
    one_goes = chosen(pictures, lambda place: boxes(*(row if place == 0 else row[1:])))
    assert places(one_goes) == [0, 8]
    four_go = chosen(pictures, lambda place: boxes(*(row if place == 0 else row[4:])))
    assert 4 in places(four_go)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_chunks(length: int) -> None:
    assert places(chosen([spot(place * 9) for place in range(length)])) == [0, length - 1][:length]


def test_a_frame_an_hour_is_always_inferred() -> None:
    pictures = [plain()] * 5
    assert places(chosen(pictures, times=[place * 3600 * RATE for place in range(5)])) == [0, 1, 2, 3, 4]


def test_times_that_stand_still_or_fall_back_go_on_as_before() -> None:
    clock = Clock((1, 1000))
    times = [clock.at(time) for time in (5, 5, 4, 14, 14, 15)]
    assert times == [0, 40_000, 80_000, 90_000, 100_000, 103_333]
    pictures = [spot(place % 80) for place in range(150)]
    found = places(chosen(pictures, times=[0] * 150))
    assert max(later - earlier for earlier, later in pairwise(found)) <= 60


def test_each_of_many_cuts_is_seen() -> None:
    """Pictures of their own, each there for one to three frames: nothing lies between."""
    pictures: list[Thumbnail] = []
    starts: list[int] = []
    for seed in range(40):
        starts.append(len(pictures))
        pictures += [noise(seed)] * (1 + seed % 3)
    assert set(starts) <= set(places(chosen(pictures)))
    lasts = {start - 1 for start in starts[1:]}
    assert lasts <= set(places(chosen(pictures)))


def test_a_cut_between_like_pictures_stands_out_from_its_neighbours() -> None:
    dark = [plain(100)] * 12
    pictures = dark + [plain(125)] * 12
    assert {11, 12} <= set(places(chosen(pictures)))
    assert len(chosen(pictures).shots) == 2
    fading = [plain(100)] * 3 + [plain(100 + 25 * step) for step in range(1, 4)] + [plain(175)] * 3
    assert len(chosen(fading).shots) == 4, "each frame of a fade that is so fast is inferred"


def test_frames_of_another_size_are_another_shot() -> None:
    chooser = Chooser(MODES["balanced"], (1, RATE))
    for place in range(20):
        chooser.see(place, place, plain(), (640, 480) if place < 10 else (320, 240))
    chooser.end()
    assert [len(shot) for shot in chooser.shots] == [10, 10]


def test_a_frame_that_comes_too_late_to_lie_between_others_is_inferred() -> None:
    chooser = Chooser(MODES["balanced"], (1, RATE))
    for place in (0, 1, 2, 5, 6, 3):
        chooser.see(place, place, plain(), (640, 480))
    chooser.end()
    assert [chooser.next_wanted() for _ in range(4)] == [0, 3, 6, None]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(1, 90),
    held_back=st.integers(0, 12),
    mode=st.sampled_from(sorted(MODES)),
)
def test_the_choice_does_not_depend_on_when_detections_are_known(
    seed: int, length: int, held_back: int, mode: str
) -> None:
    rng = np.random.default_rng(seed)
    still, column = bool(rng.integers(2)), 0
    pictures, found = [], []
    for _ in range(length):
        if rng.random() < 0.05:
            still = not still
        if rng.random() < 0.03:
            pictures.append(noise(int(rng.integers(9))))
        else:
            column = column if still else (column + int(rng.integers(4))) % 80
            pictures.append(spot(column))
        found.append(at(column * 100 + int(rng.integers(3000)) * (rng.random() < 0.1), int(rng.integers(1750, 9999))))
    eager = chosen(pictures, found.__getitem__, mode)
    late = chosen(pictures, found.__getitem__, mode, held_back=held_back)
    assert places(eager) == places(late)
    assert [[look.place for look in shot] for shot in eager.shots] == [
        [look.place for look in shot] for shot in late.shots
    ]
    assert {0, length - 1} <= set(places(eager))
