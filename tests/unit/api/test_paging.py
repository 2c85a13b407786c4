"""Reading results: filters, cursors, the frontier of a running job, the same frames from both places."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from api.results.paging import format_cursor, frame_lines, parse_cursor, read_page
from api.results.selection import Query, Selection
from api.results.sources import Frames
from contracts.errors import InvalidCursor, InvalidInput
from contracts.results import result_file
from contracts.results.codec import Block, Detections, mask_column, pack
from contracts.results.filed_frames import FiledFrames
from contracts.wire.messages import SCHEMA, Media, Options, Plan, ResultHeader

HEADER = ResultHeader(
    SCHEMA,
    Media("mp4", "h264", 100, 100, 0, "1:1", 4000.0, 400, 100.0, False),
    (1, 1000),
    Plan("m", "0", "openvino", "fp32", Options()),
    ("cat", "dog"),
    complete=True,
)
FRAMES = 400


class Chunks:
    """Frames in chunks of 30, of which the first `there` have come."""

    header = HEADER
    tracks = None

    def __init__(self, there: int = 99) -> None:
        self.starts: Sequence[int] = range(0, FRAMES, 30)
        self._there = there

    @property
    def finished(self) -> int:
        return min(self._there, len(self.starts))

    def segment(self, position: int, masks: bool = True) -> Block | None:
        if position >= self._there:
            return None
        return made(self.starts[position], min(self.starts[position] + 30, FRAMES))

    def close(self) -> None:
        pass


def made(start: int, stop: int) -> Block:
    """Frame i at 10 i ms: a cat of score i/400 in every frame, a dog of 0.5 in every third."""
    frames = []
    for i in range(start, stop):
        classes = [0, 1] if i % 3 == 0 else [0]
        scores = [i / FRAMES, 0.5][: len(classes)]
        frames.append(Detections(np.array(classes), np.array(scores), np.full((len(classes), 4), 1.25)))
    return pack(start, [10 * i for i in range(start, stop)], frames)


def read_all(frames: Frames, query: Query, limit: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = read_page(frames, Selection(query, HEADER), parse_cursor(cursor, query), limit, ended=True)
        lines = [json.loads(line) for block in page.blocks for line in frame_lines(block, HEADER)]
        assert len(lines) <= limit
        found += lines
        if page.next_frame is None:
            return found
        assert len(lines) == limit
        cursor = format_cursor(page.next_frame, query)


def filed() -> Frames:
    target = io.BytesIO()
    result_file.write(target, HEADER, [made(0, FRAMES)])
    return FiledFrames(result_file.ResultFile(io.BytesIO(target.getvalue())))


@pytest.mark.parametrize("limit", [1, 7, 30, 256, 5000])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), range(FRAMES)),
        (Query(labels=("dog",)), range(0, FRAMES, 3)),
        (Query(min_score=0.9), range(360, FRAMES)),
        (Query(labels=("dog",), min_score=0.6), []),
        (Query(from_ms=100, to_ms=130), [10, 11, 12]),
        (Query(from_ms=100.5, to_ms=130.5), [11, 12, 13]),
        (Query(from_frame=5, to_frame=8), [5, 6, 7]),
        (Query(from_ms=3000, labels=("dog",), to_frame=310), [300, 303, 306, 309]),
        (Query(from_ms=4000), []),
    ],
    ids=str,
)
def test_pages_give_the_frames_that_are_asked_for(query: Query, expected: Sequence[int], limit: int) -> None:
    from_chunks = read_all(Chunks(), query, limit)
    assert [frame["frame"] for frame in from_chunks] == list(expected)
    assert from_chunks == read_all(filed(), query, limit)


def test_a_frame_is_written_with_its_rounded_values() -> None:
    (line,) = frame_lines(made(100, 101), HEADER)
    box = [1.25, 1.25, 1.25, 1.25]
    detections = [{"label": "cat", "class_id": 0, "score": 0.25, "box": box}]
    assert json.loads(line) == {"frame": 100, "time_ms": 1000.0, "detections": detections}


def test_a_detection_has_its_mask_of_the_displayed_frame_where_the_job_asked_for_masks() -> None:
    found = Detections(np.array([0, 1]), np.array([0.5, 0.25]), np.ones((2, 4)), mask_column([b"04", b"`\\"]))
    block = pack(0, [0, 10], [found, found]).keep(np.array([1, 0, 0, 1], bool), False)
    shown = [[d.get("mask") for d in json.loads(line)["detections"]] for line in frame_lines(block, HEADER)]
    size = [HEADER.media.height, HEADER.media.width]
    assert shown == [[{"size": size, "counts": "04"}], [{"size": size, "counts": "`\\"}]]


def test_a_detection_has_the_number_of_its_track_where_it_has_one() -> None:
    block = replace(made(0, 3), track=np.array([2, 0, 7, 1], np.int32))
    shown = [
        [d.get("track", "left out") for d in json.loads(line)["detections"]] for line in frame_lines(block, HEADER)
    ]
    assert shown == [[2, "left out"], [7], [1]]


@pytest.mark.parametrize("limit", [1, 7, 500])
@pytest.mark.parametrize("wanted", [True, False])
def test_filled_and_inferred_frames_are_read_apart(wanted: bool, limit: int) -> None:
    numbers = np.arange(FRAMES)
    target = io.BytesIO()
    result_file.write(target, HEADER, [replace(made(0, FRAMES), filled=numbers % 7 != 0)])
    frames = FiledFrames(result_file.ResultFile(io.BytesIO(target.getvalue())))
    query = Query(labels=("dog",), from_frame=20, filled=wanted)
    read = read_all(frames, query, limit)
    assert [line["frame"] for line in read] == [n for n in range(21, FRAMES, 3) if (n % 7 != 0) == wanted]
    assert {line.get("filled", "left out") for line in read} == {True if wanted else "left out"}


def test_cursors_of_before_the_filter_of_filled_frames_are_valid() -> None:
    assert format_cursor(5, Query(labels=("cat",))) == "5-6108b693490c"


def test_running_job_gives_finished_frames_and_a_cursor_at_the_frontier() -> None:
    selection = Selection(Query(), HEADER)
    page = read_page(Chunks(there=2), selection, 0, 5000, ended=False)
    assert sum(len(block) for block in page.blocks) == 60
    assert page.next_frame == 60
    again = read_page(Chunks(there=2), selection, 60, 5000, ended=False)
    assert (sum(len(block) for block in again.blocks), again.next_frame) == (0, 60)
    later = read_page(filed(), selection, 60, 5000, ended=True)
    assert int(later.blocks[0].frame[0]) == 60
    assert later.next_frame is None


def test_a_cursor_of_another_filter_is_refused() -> None:
    cursor = format_cursor(5, Query(labels=("cat",)))
    assert parse_cursor(cursor, Query(labels=("cat",))) == 5
    for wrong in (cursor, "", "5", "x-y", "9" * 40 + "-" + Query().digest()):
        with pytest.raises(InvalidCursor):
            parse_cursor(wrong, Query(labels=("dog",)))


def test_an_unknown_label_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="cat, dog"):
        Selection(Query(labels=("cow",)), HEADER)
