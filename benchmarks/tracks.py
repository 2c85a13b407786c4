"""What tracking costs per frame, and how well objects are followed, on a street that is made up.

    make bench-tracks [FRAMES=500] [ROUNDS=3], BENCH=full for 9 rounds

CPU time of this process, so that other processes disturb little: of the whole way from the blocks of a result file to
the bytes of a tracks file, in rounds that take all scenes in turns. HOTA and IDF1 are by the known truth of the scene.
"""

import io
import statistics
import sys
import time

import numpy as np

from analytics.tracking.tracker import NAME, VERSION, Finished, Tracker
from benchmarks.report import full, record, spread, table, told
from cli.evaluation.tracking_scores import Frame, Scores, counted
from contracts.results import tracks_file
from contracts.results.result_file import BLOCK_FRAMES
from contracts.results.tracks import TrackerParameters
from contracts.results.tracks_file import TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA
from tests.support.tracking.scene import HEIGHT, Scene, street

OBJECTS = (5, 20, 60)
MOST_MS = 0.5  # at 20 objects
_PARAMETERS = TrackerParameters(start_score=0.4)


def track(scene: Scene) -> tuple[list[np.ndarray], Finished, int]:
    """The numbers of each block's detections, the tracks, and the bytes of their file."""
    tracker, numbers = Tracker(_PARAMETERS, HEIGHT), []
    for start in range(0, len(scene.block), BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, len(scene.block))
        numbers.append(tracker.advance(scene.block.slice(start, stop), scene.times_us[start:stop]))
    finished, sink = tracker.finish(), io.BytesIO()
    header = TracksHeader(SCHEMA, NAME, VERSION, _PARAMETERS, "0" * 64)
    tracks_file.write(sink, header, map(encode_numbers, numbers), finished.numbers, finished.tracks)
    return numbers, finished, len(sink.getvalue())


def accuracy(scene: Scene, numbers: np.ndarray, finished: Finished) -> Scores:
    """The scores by the scene's truth."""
    kept = np.isin(numbers, finished.numbers)
    parts = [part[kept[part]] for part in np.split(np.arange(len(numbers)), scene.block.offsets()[1:-1])]
    found: list[Frame] = [(numbers[part].astype(np.int64), scene.block.box[part] / 100) for part in parts]
    rows = [scene.truth[scene.truth[:, 0] == frame] for frame in range(len(scene.block))]
    return counted([(row[:, 1].astype(np.int64), row[:, 2:]) for row in rows], found).scores


def main(frames: int, rounds: int) -> int:
    """Print and record the figures; returns 1, and says so, when tracking takes too long."""
    scenes = {objects: street(objects, frames, seed=objects) for objects in OBJECTS}
    spent: dict[int, list[float]] = {objects: [] for objects in OBJECTS}
    made = {}
    for _ in range(rounds):
        for objects, scene in scenes.items():
            start = time.process_time()
            made[objects] = track(scene)
            spent[objects].append(1000 * (time.process_time() - start) / frames)
    rows, figures = [], {}
    for objects, (numbers, finished, size) in made.items():
        boxes = len(scenes[objects].block.score) / frames
        score = accuracy(scenes[objects], np.concatenate(numbers), finished)
        rows.append(
            (objects, f"{boxes:.1f}", told(spent[objects], 3), f"{score.hota:.3f}", f"{score.idf1:.3f}", size // frames)
        )
        figures[str(objects)] = {
            "boxes": round(boxes, 2),
            "cpu_ms_per_frame": spread(spent[objects]),
            "hota": round(score.hota, 4),
            "idf1": round(score.idf1, 4),
            "bytes_per_frame": round(size / frames, 1),
        }
    table(("objects", "boxes a frame", "CPU ms a frame", "HOTA", "IDF1", "bytes a frame"), rows)
    record("tracks", figures)
    if (median := statistics.median(spent[20])) > MOST_MS:
        print(f"too slow: {median:.3f} ms a frame at 20 objects, where {MOST_MS} are allowed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    frames_text, rounds_text = sys.argv[1:]
    sys.exit(main(int(frames_text or 500), int(rounds_text or (9 if full() else 3))))
