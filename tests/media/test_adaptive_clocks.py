"""Jobs that infer some frames, of recordings whose frames come at uneven times, and with models of equal scores."""

from collections.abc import Generator, Iterable, Iterator

import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from contracts.results.codec import Block
from contracts.wire.messages import ProbeReport
from detector.tensors import Image, Outputs
from tests.media import test_adaptive
from tests.media.test_adaptive import assert_found, assert_inferred_are_equal, iou, outcomes, rows
from tests.media.test_formats import chunks, probed
from tests.support.models.fake_engine import FakeEngine
from tests.support.videos.cases import READ, file
from tests.support.videos.clips import clip, plan
from tests.support.videos.formats import File
from tests.support.videos.spots import SIDE, Spot, SpotFinder, found_in, pictures

CLOCKS = [name for name in READ if name.startswith("clocks/")]


@pytest.fixture(scope="module", autouse=True)
def _fork_server() -> Iterator[None]:
    yield
    test_adaptive.DECODERS.close()


class Unmoved(FakeEngine):
    """Finds the same in every picture: boxes of one label and one score, some of which lie on each other."""

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        for image in images:
            height, width = image.shape[:2]
            corners = np.array([(0, 0), (0, 0), (0.25, 0), (0.5, 0.5), (0.5, 0.5), (0.5, 0.25)], np.float32)
            boxes = np.hstack([corners, corners + 0.25]) * [width, height, width, height]
            yield {
                "boxes": boxes.astype(np.float32),
                "scores": np.full(len(boxes), 0.5, np.float32),
                "labels": np.zeros(len(boxes), np.float32),
            }


class Alike(SpotFinder):
    """Finds spots, and is as sure of each of them."""

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        for image in images:
            self.looked += 1
            found = found_in(image)
            yield found | {"scores": np.full_like(found["scores"], 0.5), "labels": np.zeros_like(found["labels"])}


def both(report: ProbeReport, content: bytes, engine: FakeEngine) -> tuple[Block, Block]:
    """The block of a recording of one chunk with few of the frames inferred, and with all."""
    assert report.index is not None
    [every] = chunks(report, 1000)
    some = replace(every, plan=plan(frames="balanced"), time_base=report.index.time_base)
    [one], [other] = (outcomes(message, content, engine) for message in (some, replace(every, time_base=UNSET)))
    assert one.missing == other.missing == ()
    return one.block, other.block


@pytest.mark.parametrize("name", CLOCKS)
def test_what_never_changes_is_the_same_whatever_the_clock_does(name: str) -> None:
    """To the digit, in filled frames too, though all scores are equal."""
    some, every = both(probed(file(name)), file(name).content, Unmoved())
    assert len(some) == READ[name].frames
    assert_inferred_are_equal(some, every)
    assert [rows(some, number) for number in range(len(some))] == [rows(every, number) for number in range(len(some))]
    if name.endswith("an_hour.mkv"):
        assert some.filled is None
    else:
        assert np.count_nonzero(some.is_filled) > len(some) / 2


def test_between_frames_at_uneven_times_things_are_where_they_were_then() -> None:
    """From 25 frames in a second to one in two seconds: by their numbers, they would be elsewhere."""
    times = np.unique(np.cumsum(np.random.default_rng(4).choice([1, 1, 1, 2, 3, 9, 50], 120)))
    length = int(times[-1]) + 1
    steady = list(pictures([Spot(0, 0, length, (0, 4), (130, 4)), Spot(1, 0, length, (120, 60), (10, 60))], length))
    made = clip("matroska", images=[steady[time] for time in times], times=[int(time) for time in times])
    report = probed(File(made.content))
    some, every = both(report, made.content, SpotFinder())
    assert_inferred_are_equal(some, every)
    assert_found(some, every, 0.8)
    assert np.count_nonzero(some.is_filled) > 60
    assert report.media is not None
    assert report.media.variable_fps


def test_spots_of_one_label_and_score_are_told_apart_by_their_places() -> None:
    """They go past each other."""
    images = pictures([Spot(0, 0, 99, (0, 8), (130, 8)), Spot(1, 0, 99, (130, 60), (0, 60))], 100)
    made = clip("matroska", images=images)
    some, every = both(probed(File(made.content)), made.content, Alike())
    assert_inferred_are_equal(some, every)
    for number in range(len(every)):
        mine, theirs = (sorted(rows(block, number), key=lambda row: row[3]) for block in (some, every))
        assert [row[:2] for row in mine] == [[0, 5000]] * 2
        assert all(iou(one[2:], other[2:]) > 0.7 for one, other in zip(mine, theirs, strict=True))
        assert abs(mine[0][5] - mine[0][3] - 100 * SIDE) <= 400
    assert np.count_nonzero(~some.is_filled) < 15
