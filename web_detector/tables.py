"""Frames as the tables and arrays of other libraries, which are imported when they are asked for."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from web_detector.types import Frame

if TYPE_CHECKING:
    import pandas as pd
    import supervision as sv

_COLUMNS = {
    "frame": "int64",
    "time_ms": "float64",
    "label": "object",
    "class_id": "int64",
    "score": "float64",
    "x1": "float64",
    "y1": "float64",
    "x2": "float64",
    "y2": "float64",
    "track": "Int64",
    "filled": "bool",
}


def to_pandas(frames: Iterable[Frame]) -> "pd.DataFrame":
    """A row for each object: frame, time_ms, label, class_id, score, x1, y1, x2, y2 (pixels), track, filled.

    track is missing (<NA>) where an object has none. Frames without objects have no row. Raises ImportError without
    pandas.
    """
    import pandas as pd

    rows = pd.DataFrame.from_records(list(_rows(frames)), columns=list(_COLUMNS))
    return rows.astype(_COLUMNS)


def to_supervision(frame: Frame) -> "sv.Detections":
    """A frame's objects as supervision.Detections: xyxy [n, 4] float32 in pixels, confidence [n], class_id [n],
    the labels in data["class_name"], and tracker_id [n] where every object has a track.

    Raises ImportError without supervision."""
    import numpy as np
    import supervision as sv

    found = frame.detections
    tracks = [one.track for one in found]
    return sv.Detections(
        xyxy=np.array([one.box for one in found], np.float32).reshape(-1, 4),
        confidence=np.array([one.score for one in found], np.float32),
        class_id=np.array([one.class_id for one in found], int),
        tracker_id=np.array(tracks, int) if found and None not in tracks else None,
        data={"class_name": np.array([one.label for one in found], str)},
    )


def _rows(frames: Iterable[Frame]) -> Iterator[tuple[Any, ...]]:
    for frame in frames:
        for one in frame.detections:
            yield (frame.frame, frame.time_ms, one.label, one.class_id, one.score, *one.box, one.track, frame.filled)
