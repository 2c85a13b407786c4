"""Results as no video gives them, in plain Python and as the service reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from contracts.results.codec import EMPTY, Block, time_ms
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import SCHEMA, Media, Options, Plan, ResultHeader

LABELS = ("cat", "dog", "", "cup")
TIME_BASES = ((1, 1000), (1, 90_000), (1001, 30_000), (1, 25))


@dataclass(frozen=True)
class Seen:
    """A frame in plain Python: objects are (class, score in 1/10000)."""

    frame: int
    ms: float
    objects: tuple[tuple[int, int], ...]

    def count(self, label: str, min_score: float = 0.0) -> int:
        """Objects of a label."""
        wanted = LABELS.index(label), round(min_score * 10_000)
        return sum(class_id == wanted[0] and score >= wanted[1] for class_id, score in self.objects)


@dataclass
class Made:
    """A result in segments, of which some may be missing. looked: the segments that were read. tracks: of segments that
    have numbers of tracks."""

    header: ResultHeader
    starts: Sequence[int]
    segments: list[Block | None]
    looked: list[int] = field(default_factory=list)
    tracks: TracksFile | None = None

    @property
    def finished(self) -> int:
        return next((i for i, segment in enumerate(self.segments) if segment is None), len(self.segments))

    def segment(self, position: int, masks: bool = True) -> Block | None:
        self.looked.append(position)
        return self.segments[position]

    def close(self) -> None:
        pass

    def seen(self) -> list[Seen]:
        """The finished prefix in plain Python."""
        found = []
        for block in self.segments[: self.finished]:
            assert block is not None
            offsets = block.offsets().tolist()
            for i in range(len(block)):
                part = slice(offsets[i], offsets[i + 1])
                objects = tuple(zip(block.class_id[part].tolist(), block.score[part].tolist(), strict=True))
                ms = time_ms(int(block.time[i]), self.header.time_base)
                found.append(Seen(int(block.frame[i]), ms, objects))
        return found


def header(
    time_base: tuple[int, int] = (1, 1000), fps: float = 25.0, options: Options | None = None, *, variable: bool = False
) -> ResultHeader:
    """Of a video whose frames are 64 x 48. variable: its rate."""
    media = Media("mp4", "h264", 64, 48, 0, "1:1", 4000.0, 100, fps, variable)
    plan = Plan("m", "0" * 64, "openvino", "fp32", options or Options())
    return ResultHeader(SCHEMA, media, time_base, plan, LABELS, complete=True)


def block(frames: Sequence[tuple[int, int, Sequence[tuple[int, int]]]]) -> Block:
    """Frames as (number, time, [(class, score)]), each object in a box of its own."""
    found = [item for _, _, objects in frames for item in objects]
    corner = np.arange(len(found))[:, None] % 30 * 100 + np.array([0, 25, 1000, 1550])
    return Block(
        np.array([number for number, _, _ in frames], np.int64),
        np.array([time for _, time, _ in frames], np.int64),
        np.array([len(objects) for _, _, objects in frames], np.uint32),
        np.array([class_id for class_id, _ in found], np.uint16),
        np.array([score for _, score in found], np.uint16),
        corner.astype(np.int32).reshape(-1, 4),
    )


@st.composite
def results(draw: st.DrawFn, running: bool = True) -> Made:
    """Frames with gaps between their numbers and times, in segments of any length, of which some have failed and,
    where the job runs, some are yet to come."""
    time_base = draw(st.sampled_from(TIME_BASES))
    objects = st.lists(st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from([0, 3500, 5000, 10_000])), max_size=4)
    number, time = draw(st.integers(0, 5)), draw(st.integers(-1000, 1000))
    starts: list[int] = []
    segments: list[Block | None] = []
    for length in draw(st.lists(st.integers(1, 5), min_size=1, max_size=8)):
        starts.append(number)
        frames = []
        for _ in range(length):
            frames.append((number, time, draw(objects)))
            number += draw(st.integers(1, 3))
            time += draw(st.integers(1, 700))
        fate = draw(st.sampled_from(["there"] * 6 + ["failed"] + ["to come"] * running))
        segments.append({"there": block(frames), "failed": EMPTY, "to come": None}[fate])
    return Made(header(time_base, draw(st.sampled_from([1.0, 25.0, 1000.0]))), starts, segments)


def some_ms(made: Made) -> st.SearchStrategy[float]:
    """Times on frames, between them, and beyond."""
    on = [seen.ms for seen in made.seen()] or [0.0]
    return st.sampled_from([*on, *(ms + 0.5 for ms in on), on[0] - 5000.0, on[-1] + 5000.0])
