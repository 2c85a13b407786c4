"""What our tracker makes of a scene, and the truth, in the form in which both are scored."""

import numpy as np

from analytics.tracking.tracker import Tracker
from cli.evaluation.tracking_scores import Frame
from contracts.results.tracks import TrackerParameters
from tests.support.tracking.scene import HEIGHT, Scene

START_SCORE = 0.4


def found(scene: Scene) -> list[Frame]:
    """Ids and boxes of each frame's detections that belong to a track."""
    tracker = Tracker(TrackerParameters(start_score=START_SCORE), HEIGHT)
    numbers = tracker.advance(scene.block, scene.times_us)
    kept = np.isin(numbers, tracker.finish().numbers)
    parts = np.split(np.arange(len(numbers)), scene.block.offsets()[1:-1])
    return [(numbers[part[kept[part]]].astype(np.int64), scene.block.box[part[kept[part]]] / 100) for part in parts]


def truth(scene: Scene) -> list[Frame]:
    """Ids and boxes of each frame's objects."""
    parts = [scene.truth[scene.truth[:, 0] == frame] for frame in range(len(scene.block))]
    return [(part[:, 1].astype(np.int64), part[:, 2:]) for part in parts]
