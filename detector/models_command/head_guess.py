"""Finds the head that reads a graph's outputs, where it is unambiguous. Pure functions."""

from dataclasses import dataclass, field

from contracts.errors import ModelBroken
from contracts.models.catalogue import HeadOptions
from detector.heads import HEADS
from detector.heads.grid import cell_count
from detector.models_command.onnx_inspect import Graph, Port

# More rows than a model of the family of DETR has queries.
_MANY_ROWS = 1000
_NANODET = {"scores", "distances"}


@dataclass(frozen=True, slots=True)
class Reading:
    """head: its name. outputs: the graph's names of what it reads, by role. classes: how many,
    None where the outputs do not tell. why: in words. options: how the head reads it."""

    head: str
    outputs: dict[str, str]
    classes: int | None
    why: str
    options: HeadOptions = field(default_factory=HeadOptions)


def read(graph: Graph, input_size: tuple[int, int]) -> Reading:
    """The head for a graph. Raises ModelBroken that lists the outputs, when none or more than one may be meant."""
    outputs = graph.outputs
    found = None
    if len(outputs) == 1:
        found = _one(outputs[0], cell_count(input_size))
    elif {port.name for port in outputs} == _NANODET:
        found = _nanodet(outputs)
    elif len(outputs) == 2:
        found = _two(outputs)
    found = found or _final(outputs)
    if found is None:
        raise ModelBroken(
            "no head reads these outputs unambiguously: "
            + ", ".join(str(port) for port in outputs)
            + f"; name one with --head ({', '.join(sorted(HEADS))}), and the outputs with --output ROLE=NAME where "
            "their names differ from the head's roles; docs/models.md lists what each head reads"
        )
    return found


def _one(port: Port, cells: int) -> Reading | None:
    rows, columns = port.tail(2) or (None, None)
    if columns == 6 and rows != cells:
        raise ModelBroken(
            f"the output {port} has final boxes in rows of six numbers, which no head reads: export the model without "
            "them (YOLOv10 and YOLO26: nms=False, end2end=False)"
        )
    if rows == cells and columns is not None and columns > 5:
        return Reading("yolox", {"output": port.name}, columns - 5, f"{cells} cells of 5 + {columns - 5} numbers")
    if rows == 3 * cells and columns is not None and columns > 5:
        options = HeadOptions(decoded=True)
        why = f"3 boxes for each of {cells} cells, of 5 + {columns - 5} numbers"
        return Reading("yolox", {"output": port.name}, columns - 5, why, options)
    if columns in (cells, None) and rows is not None and rows > 4:
        return Reading("yolo", {"output0": port.name}, rows - 4, f"4 + {rows - 4} numbers for each cell")
    return None


def _nanodet(outputs: tuple[Port, ...]) -> Reading | None:
    scores = next(port for port in outputs if port.name == "scores").tail(2)
    if scores is None:
        return None
    return Reading("nanodet", {"scores": "scores", "distances": "distances"}, scores[1], "its outputs have these names")


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
    if classes == 92:  # 91 numbers of COCO, and nothing
        return Reading("detr", names, 91, f"{why}, the last of them nothing", HeadOptions(activation="softmax"))
    return Reading("detr", names, classes, why)


def _final(outputs: tuple[Port, ...]) -> Reading | None:
    """Boxes, scores and labels, whatever else there is."""
    boxes = [port for port in outputs if (port.tail(2) or (0, 0))[1] == 4]
    lists = [port for port in outputs if port.tail(1) is not None and port.tail(1) != (1,)]
    labels = [port for port in lists if port.whole] or [port for port in lists if _is_called(port, "label", "class")]
    scores = [port for port in lists if port not in labels and not port.whole]
    if len(scores) > 1:
        scores = [port for port in scores if _is_called(port, "score", "conf")]
    if not len(boxes) == len(labels) == len(scores) == 1:
        return None
    names = {"boxes": boxes[0].name, "scores": scores[0].name, "labels": labels[0].name}
    return Reading("boxes", names, None, "boxes, scores and labels, one row an object")


def _is_called(port: Port, *words: str) -> bool:
    return any(word in port.name.lower() for word in words)
