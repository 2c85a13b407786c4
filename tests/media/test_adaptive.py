"""Jobs that infer some frames: what they find, against the same clip with all frames inferred."""

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from contracts.errors import DecodeFailed
from contracts.results.codec import BOX_SCALE, Block, encode_block
from contracts.wire.messages import Chunk
from contracts.wire.runs import runs
from detector import inference
from detector.adaptive.inference import AdaptiveInference
from detector.decode.asked_parent import AskedImages
from detector.decode.parent import Budget, Decoders
from detector.inference import Callbacks, Cancelled, Inference, Outcome
from tests.media.test_formats import chunks as planned
from tests.media.test_formats import probed
from tests.media.test_inference import MODEL
from tests.support.detecting import OneVideo
from tests.support.models.fake_engine import FakeEngine
from tests.support.videos.clips import RATE, Clip, chunks, clip, packets_of, plan
from tests.support.videos.formats import File
from tests.support.videos.sizes import changing
from tests.support.videos.spots import Spot, SpotFinder, pictures

SPOTS = replace(MODEL, head="boxes", input_size=None)
DECODERS = Decoders(Budget(10**9, 10**12))
CALLBACKS = Callbacks(lambda index, frames, seconds: None, lambda: False)
TIME_BASE = (1, RATE)


@pytest.fixture(scope="module", autouse=True)
def _fork_server() -> Iterator[None]:
    yield
    DECODERS.close()


def of_spots(spots: Sequence[Spot], frames: int, cuts: Sequence[int] = (), **changes: Any) -> Clip:
    """In mkv, whose times are milliseconds."""
    images = pictures(spots, frames, cuts=cuts)
    return clip("matroska", images=images, every=changes.pop("every", 12), **changes)


def chunk_of(made: Clip, frames: str | None = "balanced", starts: Sequence[int] = (0,), **changes: Any) -> list[Chunk]:
    options = changes.pop("options", {})
    chosen = plan(frames=UNSET if frames is None else frames, **options)
    base = (1, 1000)
    return chunks(made, list(starts), plan=chosen, time_base=UNSET if frames is None else base, **changes)


def outcomes(
    message: Chunk, content: bytes, engine: FakeEngine | None = None, callbacks: Callbacks = CALLBACKS
) -> list[Outcome]:
    kind = Inference if message.plan.options.frames is UNSET else AdaptiveInference
    found: list[Outcome] = []
    with kind(message, SPOTS, OneVideo(io.BytesIO(content)), nullcontext(DECODERS)) as course:
        found += course.outcomes(engine or SpotFinder(), callbacks)
    return found


def block(message: Chunk, made: Clip, engine: SpotFinder | None = None) -> Block:
    [outcome] = outcomes(message, made.content, engine)
    return outcome.block


def both(made: Clip, mode: str = "balanced", **changes: Any) -> tuple[Block, Block]:
    """The clip's block in a mode, and with all frames inferred."""
    [some], [every] = chunk_of(made, mode, **changes), chunk_of(made, None, **changes)
    return block(some, made), block(every, made)


def rows(found: Block, number: int) -> list[list[int]]:
    low, high = found.offsets()[number : number + 2]
    columns = np.column_stack([found.class_id, found.score, found.box])[low:high]
    return [[int(value) for value in row] for row in columns]


def assert_inferred_are_equal(some: Block, every: Block) -> None:
    assert some.frame.tolist() == every.frame.tolist()
    assert some.time.tolist() == every.time.tolist()
    inferred = np.flatnonzero(~some.is_filled).tolist()
    assert {0, len(every) - 1} <= set(inferred)
    for number in inferred:
        assert rows(some, number) == rows(every, number)


def iou(one: Sequence[int], other: Sequence[int]) -> float:
    sides = [max(0, min(one[i + 2], other[i + 2]) - max(one[i], other[i])) for i in (0, 1)]
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return sides[0] * sides[1] / (sum(area) - sides[0] * sides[1])


def kept(some: Block, every: Block) -> float:
    """The share of the boxes of `every` that have one in the same frame and of the same class."""
    found = [
        any(one[0] == other[0] and iou(one[2:], other[2:]) >= 0.5 for other in rows(some, number))
        for number in range(len(every))
        for one in rows(every, number)
    ]
    return sum(found) / len(found)


def assert_found(some: Block, every: Block, least: float = 0.5) -> None:
    """Each box of all frames has one in the same frame of the same class, and the other way round."""
    for number in range(len(every)):
        mine, theirs = rows(some, number), rows(every, number)
        assert [row[0] for row in sorted(mine)] == [row[0] for row in sorted(theirs)], number
        for one, other in zip(sorted(mine), sorted(theirs), strict=True):
            assert iou(one[2:], other[2:]) >= least, number


# Side by side, so that none hides another.
STREET = (Spot(0, 0, 119, (0, 4), (130, 4)), Spot(1, 0, 119, (120, 36), (10, 36)), Spot(2, 0, 119, (60, 68), (90, 68)))


@pytest.fixture(scope="module")
def street() -> Clip:
    return of_spots(STREET, 120)


@pytest.mark.parametrize(("filling", "most"), [("fine", 18), ("balanced", 12), ("coarse", 10)])
def test_few_frames_give_nearly_the_same_boxes(street: Clip, filling: str, most: int) -> None:
    some, every = both(street, filling)
    assert_inferred_are_equal(some, every)
    assert_found(some, every, 0.7)
    assert np.count_nonzero(~some.is_filled) <= most


def test_only_the_frames_that_are_inferred_go_through_the_model(street: Clip) -> None:
    engine = SpotFinder()
    found = block(chunk_of(street)[0], street, engine)
    assert engine.looked == np.count_nonzero(~found.is_filled)


def test_the_result_does_not_depend_on_what_the_engine_has_in_progress(street: Clip) -> None:
    [message] = chunk_of(street)
    results = [encode_block(block(message, street, SpotFinder(in_flight))) for in_flight in (0, 1, 3, 20)]
    assert len(set(results)) == 1


def test_the_result_does_not_depend_on_the_memory_for_frames(street: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    [message] = chunk_of(street)
    expected = encode_block(block(message, street))
    for held in (0, 160 * 96 * 3 * 10):
        monkeypatch.setattr(AskedImages, "HELD_BYTES", held)
        assert encode_block(block(message, street)) == expected


def test_a_spot_that_crosses_a_still_picture_in_a_second_is_found() -> None:
    made = of_spots([Spot(1, 100, 124, (-20, 30), (155, 30))], 230)
    some, every = both(made)
    assert every.count.sum() >= 24
    assert_inferred_are_equal(some, every)
    truth, found = set(np.flatnonzero(every.count)), set(np.flatnonzero(some.count))
    assert len(truth & found) >= len(truth) - 4, "a frame or two at each edge may be missed"
    assert len(found - truth) <= 4
    assert np.count_nonzero(~some.is_filled) <= 14


@pytest.mark.parametrize("first", [90, 97, 101])
def test_what_is_there_for_less_than_a_step_is_found_in_a_still_picture(first: int) -> None:
    made = of_spots([Spot(1, first, first + 5, (60, 30), (70, 30))], 180)
    some, every = both(made)
    assert every.count.sum() == 6
    assert set(np.flatnonzero(some.count)) & set(range(first, first + 6))
    assert set(np.flatnonzero(some.count)) <= set(range(first - 3, first + 9))


def test_a_cut_has_no_box_on_the_wrong_side() -> None:
    spots = [
        Spot(0, 0, 36, (20, 20), (30, 20)),
        Spot(0, 37, 79, (110, 50), (120, 50)),
        Spot(1, 37, 79, (20, 60), (20, 60)),
    ]
    some, every = both(of_spots(spots, 80, cuts=[37]))
    assert_inferred_are_equal(some, every)
    assert_found(some, every)
    assert not some.is_filled[36:38].any()


def test_ten_thousand_cuts_are_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As dense as they can be, in less time."""
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (12, 20, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1) for _ in range(40)]
    some, every = both(clip("matroska", images=images))
    assert some.filled is None
    assert encode_block(some) == encode_block(every)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips(frames: int) -> None:
    some, every = both(of_spots([Spot(0, 0, 9, (10, 10), (50, 10))], frames))
    assert_inferred_are_equal(some, every)
    assert len(some) == frames


def test_a_region_that_is_still_while_the_rest_moves_is_quiet() -> None:
    made = of_spots([Spot(0, 0, 119, (0, 60), (130, 60)), Spot(1, 0, 119, (100, 8), (100, 8))], 120)
    some, every = both(made, options={"region": (0.5, 0.0, 1.0, 0.4)})
    assert_inferred_are_equal(some, every)
    assert_found(some, every)
    assert np.count_nonzero(~some.is_filled) <= 3


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_frames_and_regions(street: Clip, rotation: int) -> None:
    width, height = (96, 160) if rotation % 180 else (160, 96)
    shape: dict[str, Any] = {
        "rotation": rotation,
        "width": width,
        "height": height,
        "options": {"region": (0.1, 0.0, 0.9, 0.8)},
    }
    some, every = both(street, **shape)
    assert_inferred_are_equal(some, every)
    assert kept(some, every) >= 0.9
    assert kept(every, some) >= 0.9
    assert some.box.max() <= BOX_SCALE * max(width, height)


def test_the_chunks_of_a_run_have_the_blocks_that_they_have_alone(
    street: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = chunk_of(street, starts=(0, 40, 80))
    alone = [encode_block(block(part, street)) for part in parts]
    [message] = runs([replace(part, continues=bool(number) or UNSET) for number, part in enumerate(parts)])
    assert message.lengths == (40, 40, 40)
    assert [encode_block(outcome.block) for outcome in outcomes(message, street.content)] == alone
    # The same with a pause after each report, of which there is one for each event.
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    told: list[tuple[int, int]] = []
    callbacks = Callbacks(lambda index, frames, _: told.append((index, frames)), lambda: False, lambda: True)
    found: list[Outcome] = []
    slices = 0
    course = AdaptiveInference(message, SPOTS, OneVideo(io.BytesIO(street.content)), nullcontext(DECODERS))
    try:
        while not course.over:
            slices += 1
            found += course.outcomes(SpotFinder(), callbacks)
    finally:
        course.close()
    assert [encode_block(outcome.block) for outcome in found] == alone
    assert slices > 3
    assert told == sorted(told)
    assert all(0 <= frames <= 40 for _, frames in told)


def test_stopping_ends_it(street: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    asked = iter([False] * 5 + [True])
    with pytest.raises(Cancelled):
        outcomes(chunk_of(street)[0], street.content, callbacks=Callbacks(lambda *_: None, lambda: next(asked)))


def test_frames_that_cannot_be_decoded_are_missing_and_not_filled_in(street: Clip) -> None:
    def lost(frames: str | None) -> Chunk:
        [message] = chunk_of(street, frames)
        packets = [packet + 1000 * (number in (30, 31, 119)) for number, packet in enumerate(packets_of(message))]
        return replace(message, packets=tuple(packets))

    [some], [every] = outcomes(lost("balanced"), street.content), outcomes(lost(None), street.content)
    assert some.missing == every.missing == (30, 31, 119)
    assert_inferred_are_equal(some.block, every.block)
    assert np.count_nonzero(~some.block.is_filled) < 20


def test_nothing_that_can_be_decoded_is_a_block_without_frames(street: Clip) -> None:
    [message] = chunk_of(street)
    late = replace(message, packets=tuple(packet + 10**6 for packet in packets_of(message)))
    [outcome] = outcomes(late, street.content)
    assert len(outcome.block) == 0
    assert len(outcome.missing) == 120
    with pytest.raises(DecodeFailed):
        outcomes(message, b"no video")


def test_times_that_are_far_apart_and_that_begin_anew(street: Clip) -> None:
    """Nothing but the times differs: a gap of an hour, and a clock that stands still."""
    [message] = chunk_of(street)
    for times in ([40 * n + 3_600_000 * (n >= 60) for n in range(120)], [40 * min(n, 60) for n in range(120)]):
        changed = replace(message, times=tuple(times))
        some = block(changed, street)
        assert some.time.tolist() == times
        assert kept(some, block(replace(changed, plan=plan(), time_base=UNSET), street)) > 0.9
    assert not some.is_filled.all()


@pytest.mark.parametrize("seed", [0, 1])
def test_frames_of_changing_sizes(seed: int) -> None:
    content = changing("matroska", "libx264", [(160, 96), (96, 160), (160, 96)][: 2 + seed], each=8)
    report = probed(File(content))
    assert report.index is not None
    found = []
    for frames in ("balanced", None):
        options = plan(frames=frames or UNSET)
        [message] = [
            replace(chunk, plan=options, time_base=report.index.time_base if frames else UNSET)
            for chunk in planned(report, 240)
        ]
        found += [outcome.block for outcome in outcomes(message, content)]
    some, every = found
    assert_inferred_are_equal(some, every)
    bounds = {8 * number + edge for number in range(1, 2 + seed) for edge in (-1, 0)}
    assert not some.is_filled[sorted(bounds)].any()
