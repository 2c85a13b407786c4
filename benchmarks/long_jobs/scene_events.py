"""Events of a long job at a scene, after the fact: CPU-seconds for frames of objects that all go through the picture.
Beside it the same sightings by the fold of live streams, track by track, which gives the same events.

python -m benchmarks.long_jobs.scene_events [FRAMES=90000] [OBJECTS=10] [LENGTH=250]

A day of 40,000 tracks: 2160000 5 277.
"""

import io
import resource
import sys

import msgspec
import numpy as np

from analytics.scenes.events import SceneFold
from analytics.scenes.levels import Rules, ticks
from analytics.scenes.recorded import recorded_events
from analytics.scenes.scene import FOOT, Scene, place, sightings
from analytics.scenes.stitching import GAP_SECONDS, stitched
from benchmarks.report import table
from contracts.results import result_file, tracks_file
from contracts.results.codec import Block, concat
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import BLOCK_FRAMES, ResultFile
from contracts.results.tracks import TrackerParameters, Tracks
from contracts.results.tracks_file import TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA
from tests.support.results.example_results import header

WIDTH, HEIGHT, FPS = 1920, 1080, 25


def made(frames: int, objects: int, length: int) -> FiledFrames:
    """A job with so many objects in each frame, which go to the left or to the right and tremble. length: frames of a
    track, in which it crosses the picture."""
    random = np.random.default_rng(1)
    frame, slot = np.repeat(np.arange(frames), objects), np.tile(np.arange(objects), frames)
    late = frame + slot * length // objects
    first_seen = np.unique(late // length * objects + slot, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first_seen[1], kind="stable"), kind="stable")
    ids = rank[first_seen[2]] + 1
    count = int(ids.max())
    lane, right = random.integers(30_000, 100_000, count + 1), random.integers(0, 2, count + 1)
    age, step = late % length, 100 * WIDTH // length
    x = np.where(right[ids] == 1, age * step, 100 * WIDTH - age * step) + random.integers(-100, 100, len(ids))
    y = lane[ids] + random.integers(-100, 100, len(ids))
    box = np.column_stack([x - 3000, y - 15_000, x + 3000, y]).clip(0, [100 * WIDTH, 100 * HEIGHT] * 2)
    head = header((1, FPS), float(FPS))
    head = msgspec.structs.replace(head, media=msgspec.structs.replace(head.media, width=WIDTH, height=HEIGHT))
    score = random.integers(4000, 9999, len(ids)).astype(np.uint16)
    counts, class_id = np.full(frames, objects, np.uint32), np.zeros(len(ids), np.uint16)
    block = Block(np.arange(frames), np.arange(frames), counts, class_id, score, box.astype(np.int32))
    result, tracks = io.BytesIO(), io.BytesIO()
    starts = range(0, frames, BLOCK_FRAMES)
    result_file.write(result, head, [block.slice(start, start + BLOCK_FRAMES) for start in starts])
    numbers = [encode_numbers(ids[start * objects : (start + BLOCK_FRAMES) * objects]) for start in starts]
    made_by = TracksHeader(SCHEMA, "bench", 1, TrackerParameters(), "0" * 64)
    tracks_file.write(tracks, made_by, numbers, np.arange(1, count + 1), _tracks(frame, ids, box))
    return FiledFrames(ResultFile(result), TracksFile(tracks))


def _tracks(frame: np.ndarray, ids: np.ndarray, box: np.ndarray) -> Tracks:
    """Straight ones: their paths are their ends."""
    order = np.argsort(ids, kind="stable")
    cut = np.searchsorted(ids[order], np.arange(1, ids.max() + 2))
    first, last = order[cut[:-1]], order[cut[1:] - 1]
    feet = np.column_stack([frame, (box[:, 0] + box[:, 2]) // 2, box[:, 3]])
    path = np.stack([feet[first], feet[last]], axis=1).reshape(-1, 3)
    hull = [np.minimum.reduceat(box[order, :2], cut[:-1]), np.maximum.reduceat(box[order, 2:], cut[:-1])]
    return Tracks(
        id=np.arange(1, len(first) + 1),
        class_id=np.zeros(len(first), np.int64),
        first_frame=frame[first],
        last_frame=frame[last],
        first_time=frame[first],
        last_time=frame[last],
        frames=np.diff(cut),
        best_score=np.full(len(first), 9000),
        best_frame=frame[first],
        best_time=frame[first],
        best_box=box[first],
        hull=np.column_stack(hull),
        path_size=np.full(len(first), 2),
        path=path,
        path_time=path[:, 0],
    )


def scenes() -> dict[str, Scene]:
    thirds = [
        {"name": str(i), "polygon": [[x, 0.3], [x + 0.3, 0.3], [x + 0.3, 1], [x, 1]]}
        for i, x in enumerate((0, 0.3, 0.6))
    ]
    line, bent = [[0.5, 1], [0.5, 0]], [[0.2, 1], [0.3, 0.5], [0.2, 0]]
    corner = [[0, 0.9], [0.1, 0.9], [0.1, 1], [0, 1]]
    lines = [{"name": "line", "points": line}, {"name": "bent", "points": bent}]
    return {
        "three zones and two lines that all pass": place(thirds, lines, WIDTH, HEIGHT),
        "one line that all pass": place([], lines[:1], WIDTH, HEIGHT),
        "a door in a corner": place([{"name": "door", "polygon": corner}], [], WIDTH, HEIGHT),
        "a zone where nobody goes": place(
            [{"name": "sky", "polygon": [[0, 0], [1, 0], [1, 0.2], [0, 0.2]]}], [], WIDTH, HEIGHT
        ),
    }


def _track_by_track(job: FiledFrames, tracks: Tracks, scene: Scene, rules: Rules) -> int:
    """How many events the fold of live streams finds. tracks: all of the job."""
    object_of = np.append(0, tracks.id[stitched(tracks, ticks(GAP_SECONDS, job.header.time_base))]).astype(np.int32)
    fold = SceneFold(scene, rules)
    found = 0
    for begin in range(0, len(job.starts), 16):
        blocks = (job.segment(position) for position in range(begin, min(begin + 16, len(job.starts))))
        block = concat(block for block in blocks if block is not None)
        found += len(list(fold.advance(sightings(block, object_of[block.tracks], FOOT, WIDTH, HEIGHT))))
    return found + len(fold.finish())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(frames: int = 90_000, objects: int = 10, length: int = 250) -> None:
    job = made(frames, objects, length)
    assert job.tracks is not None
    tracks = job.tracks.tracks()
    print(f"{frames} frames, {objects} objects in each, {len(tracks)} tracks")
    rows, rules = [], Rules(3, 5 * FPS)
    for name, scene in scenes().items():
        began = _cpu()
        events = len(recorded_events(job, tracks, scene, rules, FOOT))
        middle = _cpu()
        assert _track_by_track(job, tracks, scene, rules) == events
        rows.append([name, str(events), f"{middle - began:.2f}", f"{_cpu() - middle:.2f}"])
    table(["seconds of CPU", "events", "all at once", "track by track, all frames"], rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
