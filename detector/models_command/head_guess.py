"""Finds the head that reads a graph's outputs, where it is unambiguous. Pure functions."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ModelBroken
from contracts.models.catalogue import HeadOptions
from detector.heads import HEADS
from detector.models_command import single_output
from detector.models_command.onnx_inspect import Graph, Port
from detector.models_command.reading import DETR, FINAL, NANODET, NORMALISED_DETR, TENSORFLOW, Reading

# Values of outputs for some photographs, by output name.
Seen = Mapping[str, Sequence[NDArray[np.float32]]]

# More rows than the number of queries of any DETR model.
_MANY_ROWS = 1000
_NANODET = {"scores", "distances"}


def read(graph: Graph, input_size: tuple[int, int], seen: Seen, classes: int | None) -> Reading:
    """The head for a graph.

    input_size: (width, height). classes: number of classes, if known. Raises ModelBroken with the outputs when no head
    or several match.
    """
    outputs = graph.outputs
    found = None
    if len(outputs) == 1:
        arrays = seen.get(outputs[0].name, ())
        only = single_output.output(outputs[0], arrays, input_size, final=graph.notes.final, classes=classes)
        found = single_output.read(only) if only else None
    elif {port.name for port in outputs} == _NANODET:
        found = _nanodet(outputs)
    elif len(outputs) == 2:
        found = _two(outputs)
    found = found or _final(outputs, from_bytes=graph.image.whole)
    if found is None:
        raise ModelBroken(
            f"no head reads these outputs unambiguously: {', '.join(str(port) for port in outputs)}{_hint(outputs)}"
            f"; name one with --head ({', '.join(sorted(HEADS))}), and the outputs with --output ROLE=NAME where "
            "their names differ from the head's roles; docs/detection/models.md lists what each head reads"
        )
    return found


def _hint(outputs: tuple[Port, ...]) -> str:
    """Hint about the usual kind of such outputs."""
    dimensions = sorted(len(port.shape) for port in outputs)
    return " (as of segmentation models, whose masks no head reads: export a detection model)" * (dimensions == [3, 4])


def _nanodet(outputs: tuple[Port, ...]) -> Reading | None:
    scores = next(port for port in outputs if port.name == "scores").tail(2)
    if scores is None:
        return None
    names = {"scores": "scores", "distances": "distances"}
    return Reading("nanodet", names, scores[1], "its outputs have these names", NANODET)


def _two(outputs: tuple[Port, ...]) -> Reading | None:
    """Boxes and logits of queries."""
    boxes = [port for port in outputs if (port.tail(2) or (0, 0))[1] == 4]
    if len(boxes) == 2:
        boxes = [port for port in boxes if "box" in port.name or "det" in port.name]
    if len(boxes) != 1:
        return None
    logits = outputs[0] if boxes[0] is outputs[1] else outputs[1]
    queries, classes = logits.tail(2) or (None, None)
    rows = (boxes[0].tail(2) or (None, None))[0]
    if classes is None or (queries or 0) > _MANY_ROWS or rows != queries:
        return None
    names = {"logits": logits.name, "boxes": boxes[0].name}
    why = f"{queries or 'so many'} boxes, and for each {classes} classes"
    if classes == 92:  # 91 COCO ids, and background
        softmax = HeadOptions(activation="softmax")
        return Reading("detr", names, 91, f"{why}, the last of them nothing", NORMALISED_DETR, softmax)
    # Output names of RF-DETR; it and DETR were trained on normalised images.
    return Reading("detr", names, classes, why, NORMALISED_DETR if boxes[0].name == "dets" else DETR)


def _final(outputs: tuple[Port, ...], *, from_bytes: bool) -> Reading | None:
    """Boxes, scores and labels, and possibly further outputs."""
    boxes = [port for port in outputs if (port.tail(2) or (0, 0))[1] == 4]
    lists = [port for port in outputs if port.tail(1) is not None and port.tail(1) != (1,)]
    labels = [port for port in lists if port.whole] or [port for port in lists if _is_called(port, "label", "class")]
    scores = [port for port in lists if port not in labels and not port.whole]
    if len(scores) > 1:
        scores = [port for port in scores if _is_called(port, "score", "conf")]
    if not len(boxes) == len(labels) == len(scores) == 1:
        return None
    names = {"boxes": boxes[0].name, "scores": scores[0].name, "labels": labels[0].name}
    family = TENSORFLOW if from_bytes else FINAL
    return Reading("boxes", names, None, "boxes, scores and labels, one row an object", family)


def _is_called(port: Port, *words: str) -> bool:
    return any(word in port.name.lower() for word in words)
