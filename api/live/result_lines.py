"""Results of a stream as JSON, in the shape of a job's frames. Pure."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from api.results.paging import frame_lines
from contracts.live.results import LiveFrame
from contracts.live.streams import TIME_BASE
from contracts.results.codec import Block
from contracts.wire.messages import SCHEMA, Media, Options, Plan, ResultHeader


def header(labels: Sequence[str], frames: Sequence[LiveFrame] = ()) -> ResultHeader:
    """What of a header the code for results needs. labels: of the model, by class number. frames: whose classes get a
    label also where the model is no longer known."""
    classes = max((int(np.frombuffer(frame.class_id, "<u2").max(initial=0)) for frame in frames), default=0) + 1
    return ResultHeader(
        schema=SCHEMA,
        media=Media("", "", 0, 0, 0, "1:1", 0, 0, 0, variable_fps=True),
        time_base=TIME_BASE,
        plan=Plan("", "", "", "", Options()),
        labels=tuple(named(labels, classes)),
        complete=False,
    )


def named(labels: Sequence[str], classes: int) -> Sequence[str]:
    """Labels for so many classes at least, also where the model is no longer known."""
    if classes <= len(labels):
        return labels
    return (*labels, *(label_of(labels, number) for number in range(len(labels), classes)))


def label_of(labels: Sequence[str], class_id: int) -> str:
    """The label of a class, also where the model is no longer known."""
    return labels[class_id] if class_id < len(labels) else f"class {class_id}"


def lines(block: Block, frames: Sequence[LiveFrame], described: ResultHeader) -> list[bytes]:
    """The frames of a block, whose frame numbers are times, each as a JSON object with its own number. frames: which
    the block was made of."""
    numbers = {frame.pts: frame.number for frame in frames}
    numbered = np.array([numbers[pts] for pts in block.frame.tolist()], np.int64)
    return frame_lines(dataclasses.replace(block, frame=numbered), described)
