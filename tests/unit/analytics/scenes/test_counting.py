"""From boxes to counts: a crossing whose truth is known to the unit, through the tracker."""

import random
from collections import Counter

import numpy as np
import pytest

from analytics.scenes.events import Direction, Event, EventType, SceneFold
from analytics.scenes.levels import Rules
from analytics.scenes.scene import FOOT, place, sightings
from analytics.tracking.tracker import Tracker
from contracts.results.codec import Block, Detections, pack
from contracts.results.tracks import TrackerParameters

WIDTH, HEIGHT, FPS, FRAMES = 640, 480, 25, 1500
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
HALF = {"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
LANES = (150, 300, 450)
Row = tuple[float, float, float, float, float]  # score, box


def street(seed: int) -> tuple[Block, Counter[Direction]]:
    """People on three lanes, one at a time on each: some turn back before the gate. Their boxes tremble, and every
    tenth is missing; here and there is a box of nobody."""
    made, truth = random.Random(seed), Counter[Direction]()
    frames: list[list[Row]] = [[] for _ in range(FRAMES)]
    for lane in LANES:
        start = made.randrange(40)
        while start < FRAMES - 160:
            pace, right, turns = made.uniform(4.5, 9), made.random() < 0.5, made.random() < 0.25
            steps = int((WIDTH - 80) / pace)
            for i in range(steps):
                way = 40 + pace * i
                if turns and way > WIDTH / 2 - 60:  # it comes as near as this, and goes back
                    way = max(WIDTH - 120 - way, 40)
                x, y = (way if right else WIDTH - way) + made.uniform(-2, 2), lane + made.uniform(-2, 2)
                if made.random() > 0.1:
                    frames[start + i].append((made.uniform(0.5, 0.9), x - 20, y - 100, x + 20, y))
            if not turns:
                truth[Direction.FORWARD if right else Direction.BACKWARD] += 1
            start += steps + made.randrange(60, 90)
    for frame in frames:
        if made.random() < 0.2:
            x, y = made.uniform(20, WIDTH - 20), made.uniform(60, HEIGHT)
            frame.append((made.uniform(0.15, 0.9), x - 15, y - 60, x + 15, y))
    found = [np.array(sorted(frame, reverse=True), np.float64).reshape(-1, 5) for frame in frames]
    seen = [Detections(np.zeros(len(rows), np.int64), rows[:, 0], rows[:, 1:]) for rows in found]
    return pack(0, range(FRAMES), seen), truth


def counted(block: Block) -> list[Event]:
    tracker = Tracker(TrackerParameters(start_score=0.4), HEIGHT)
    fold = SceneFold(place([HALF], [GATE], WIDTH, HEIGHT), Rules(3, gap=FPS // 2))
    events: list[Event] = []
    for start in range(0, FRAMES, 100):
        part = block.slice(start, start + 100)
        ids = tracker.advance(part, part.time * (1_000_000 // FPS))
        events += fold.advance(sightings(part, ids, FOOT, WIDTH, HEIGHT))
    return events + fold.finish()


@pytest.mark.parametrize("seed", range(3))
def test_people_are_counted_to_the_unit(seed: int) -> None:
    block, truth = street(seed)
    events = counted(block)
    assert Counter(event.direction for event in events if event.direction is not None) == truth
    assert sum(truth.values()) >= 15
    kinds = Counter(event.type for event in events)
    assert (kinds[EventType.ENTERS], kinds[EventType.LEAVES]) == (truth[Direction.FORWARD], truth[Direction.BACKWARD])
