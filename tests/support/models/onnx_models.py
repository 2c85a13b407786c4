"""ONNX files with the inputs and outputs of real exports, which find red and blue squares.

A window of 40 x 40 pixels of the input is looked at every 8 pixels: its score is how much of its colour is in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

INPUT = 160
WINDOW = 40
STRIDE = 8
LABELS = ("red", "blue")
_CELLS = (INPUT // STRIDE) ** 2
# Cells of strides 16 and 32, where these models see nothing.
_REST = (INPUT // 16) ** 2 + (INPUT // 32) ** 2
# In RGB: a colour without the others.
_COLOURS = np.array([[1, -0.5, -0.5], [-0.5, -0.5, 1]])
_IMAGENET = (np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375]))


@dataclass
class _Graph:
    """Nodes by and by."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operation: str, *inputs: object, to: str = "", to_: int | None = None, **attributes: object) -> str:
        """A node; arrays among the inputs are constants. to: the name of its output, which is returned."""
        number = len(self.nodes)
        names = [value if isinstance(value, str) else self.constant(np.asarray(value)) for value in inputs]
        result = to or f"{operation}_{number}"
        if to_ is not None:  # of Cast, whose attribute has the name that means the output here
            attributes["to"] = to_
        self.nodes.append(helper.make_node(operation, names, [result], name=f"node_{number}", **attributes))
        return result

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def save(self, path: Path, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> Path:
        graph = helper.make_graph(self.nodes, "planted", list(inputs), list(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path


def _info(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def _logits(graph: _Graph, image: str, channels: str, mean: NDArray[np.float64], std: NDArray[np.float64]) -> str:
    """[1, 2, cells] from [1, 3, height, width]: far above 0 where a window is full, far below where it is not.

    mean and std: what has been done to the pixels."""
    weights = _COLOURS if channels == "RGB" else _COLOURS[:, ::-1]
    kernel = (weights * std / 255)[:, :, None, None].astype(np.float32)
    bias = (weights @ mean / 255).astype(np.float32)
    colour = graph.add("Conv", image, kernel, bias)
    margin = [(WINDOW - STRIDE) // 2] * 4
    share = graph.add(
        "AveragePool",
        colour,
        kernel_shape=[WINDOW, WINDOW],
        strides=[STRIDE, STRIDE],
        pads=margin,
        count_include_pad=1,
    )
    sharp = graph.add("Add", graph.add("Mul", share, np.float32(40)), np.float32(-32))
    return graph.add("Reshape", sharp, np.array([1, 2, _CELLS]))


def _centres() -> NDArray[np.float32]:
    """[cells, 2] in pixels of the input."""
    y, x = np.mgrid[: INPUT // STRIDE, : INPUT // STRIDE]
    return ((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * STRIDE).astype(np.float32)


def _corners() -> NDArray[np.float32]:
    """[cells, 4] as x1, y1, x2, y2, 0 to 1."""
    half = WINDOW / 2
    return (np.concatenate([_centres() - half, _centres() + half], axis=1) / INPUT).astype(np.float32)


def _middles() -> NDArray[np.float32]:
    """[cells, 4] as centre x, centre y, width, height, 0 to 1."""
    return np.concatenate([_centres() / INPUT, np.full((_CELLS, 2), WINDOW / INPUT)], axis=1).astype(np.float32)


def _image(kind: int = TensorProto.FLOAT, name: str = "images") -> onnx.ValueInfoProto:
    return _info(name, (1, 3, INPUT, INPUT), kind)


def yolox(path: Path, *, decoded: bool = False) -> Path:
    """BGR, 0 to 255; one output [cells, 5 + classes]."""
    graph = _Graph()
    logits = _logits(graph, "images", "BGR", np.zeros(3), np.ones(3))
    scores = graph.add("Transpose", graph.add("Sigmoid", logits), perm=[0, 2, 1])
    if decoded:
        place = np.concatenate([_centres(), np.full((_CELLS, 2), WINDOW), np.ones((_CELLS, 1))], axis=1)
    else:
        size = np.log(WINDOW / STRIDE)
        place = np.tile([0.5, 0.5, size, size, 1], (_CELLS, 1))
    found = graph.add("Concat", place[None].astype(np.float32), scores, axis=2)
    graph.add("Concat", found, np.zeros((1, _REST, 7), np.float32), to="output", axis=1)
    return graph.save(path, [_image()], [_info("output", (1, _CELLS + _REST, 7))])


def yolo(path: Path) -> Path:
    """RGB, 0 to 1; one output [4 + classes, cells], and the classes' names beside the graph."""
    graph = _Graph()
    scores = graph.add("Sigmoid", _logits(graph, "images", "RGB", np.zeros(3), np.full(3, 255.0)))
    place = np.concatenate([_centres(), np.full((_CELLS, 2), WINDOW, np.float32)], axis=1).T[None]
    found = graph.add("Concat", np.ascontiguousarray(place), scores, axis=1)
    graph.add("Concat", found, np.zeros((1, 6, _REST), np.float32), to="output0", axis=2)
    graph.save(path, [_image()], [_info("output0", (1, 6, _CELLS + _REST))])
    return noted(path, names="{0: 'red', 1: 'blue'}")


def noted(path: Path, **notes: str) -> Path:
    """The file with notes beside the graph."""
    content = onnx.load(str(path))
    helper.set_model_props(content, notes)
    onnx.save(content, str(path))
    return path


def yolov5(path: Path, classes: int = 2) -> Path:
    """RGB, 0 to 1; one output [3 boxes a cell, 5 + classes] in pixels, and the classes' names as a list."""
    graph = _Graph()
    scores = graph.add("Sigmoid", _logits(graph, "images", "RGB", np.zeros(3), np.full(3, 255.0)))
    columns = graph.add("Slice", graph.add("Transpose", scores, perm=[0, 2, 1]), [0], [classes], [2])
    place = np.concatenate([_centres(), np.full((_CELLS, 2), WINDOW), np.ones((_CELLS, 1))], axis=1)
    found = graph.add("Concat", place[None].astype(np.float32), columns, axis=2)
    rows = 3 * (_CELLS + _REST)
    graph.add("Concat", found, np.zeros((1, rows - _CELLS, 5 + classes), np.float32), to="output0", axis=1)
    graph.save(path, [_image()], [_info("output0", (1, rows, 5 + classes))])
    return noted(path, names=str(list(LABELS[:classes])), stride="32")


def final_rows(path: Path, *, centres: bool = False) -> Path:
    """As YOLOv10 and YOLO26: RGB, 0 to 1; one output [300, 6] of x1, y1, x2, y2 in pixels, score, class.

    centres: as later exports of Ultralytics' RT-DETR, with centre and size from 0 to 1."""
    graph = _Graph()
    scores = graph.add("Sigmoid", _logits(graph, "images", "RGB", np.zeros(3), np.full(3, 255.0)))
    flat = graph.add("Reshape", scores, np.array([1, 2 * _CELLS]))
    graph.nodes.append(helper.make_node("TopK", [flat, graph.constant(np.array([300]))], ["best", "place"], axis=1))
    label = graph.add("Cast", graph.add("Div", "place", np.array(_CELLS)), to_=TensorProto.FLOAT)
    boxes = _middles() if centres else _corners() * INPUT
    box = graph.add("Gather", boxes, graph.add("Mod", "place", np.array(_CELLS)), axis=0)
    last = [graph.add("Unsqueeze", column, np.array([2])) for column in ("best", label)]
    graph.add("Concat", box, *last, to="output0", axis=2)
    return graph.save(path, [_image()], [_info("output0", (1, 300, 6))])


def queries(path: Path, *, dynamic: bool = False) -> Path:
    """As RT-DETR by Ultralytics: RGB, 0 to 1; one output [queries, 4 + classes] of centre and size, 0 to 1, and scores.

    dynamic: with as many open lengths as its exporter leaves, and the size of its input in the notes."""
    graph = _Graph()
    logits = _logits(graph, "images", "RGB", np.zeros(3), np.full(3, 255.0))
    scores = graph.add("Sigmoid", graph.add("Transpose", logits, perm=[0, 2, 1]))
    graph.add("Concat", _middles()[None], scores, to="output0", axis=2)
    if not dynamic:
        return graph.save(path, [_image()], [_info("output0", (1, _CELLS, 6))])
    image = _info("images", ("batch", 3, "height", "width"))
    graph.save(path, [image], [_info("output0", ("batch", _CELLS, "anchors"))])
    return noted(path, task="detect", imgsz=f"[{INPUT}, {INPUT}]", names='{"0": "red", "1": "blue"}')


def detr(path: Path) -> Path:
    """As RF-DETR: RGB, normalised; labels [queries, classes] as logits, dets [queries, 4]."""
    graph = _Graph()
    logits = _logits(graph, "input", "RGB", *_IMAGENET)
    graph.add("Transpose", logits, to="labels", perm=[0, 2, 1])
    graph.add("Identity", _middles()[None], to="dets")
    outputs = [_info("dets", (1, _CELLS, 4)), _info("labels", (1, _CELLS, 2))]
    return graph.save(path, [_image(name="input")], outputs)


def final(path: Path) -> Path:
    """As D-FINE: RGB, 0 to 1, with the size that boxes are to be in; labels, boxes and scores of the ten best."""
    graph = _Graph()
    scores = graph.add("Sigmoid", _logits(graph, "images", "RGB", np.zeros(3), np.full(3, 255.0)))
    flat = graph.add("Reshape", scores, np.array([1, 2 * _CELLS]))
    graph.nodes.append(helper.make_node("TopK", [flat, graph.constant(np.array([10]))], ["scores", "place"], axis=1))
    graph.add("Div", "place", np.array(_CELLS), to="labels")
    cell = graph.add("Mod", "place", np.array(_CELLS))
    size = graph.add("Cast", graph.add("Concat", *["orig_target_sizes"] * 2, axis=1), to_=TensorProto.FLOAT)
    graph.add("Mul", graph.add("Gather", _corners(), cell, axis=0), size, to="boxes")
    outputs = [
        _info("labels", ("N", 10), TensorProto.INT64),
        _info("boxes", ("N", 10, 4)),
        _info("scores", ("N", 10)),
    ]
    return graph.save(path, [_image(), _info("orig_target_sizes", (1, 2), TensorProto.INT64)], outputs)


def ssd(path: Path) -> Path:
    """As TensorFlow's detectors: bytes [height, width, 3] in, overlaps removed inside, and as many rows as there
    are objects, counted from 1, with boxes y1, x1, y2, x2 from 0 to 1."""
    graph = _Graph()
    pixels = graph.add("Cast", "input_tensor", to_=TensorProto.FLOAT)
    planes = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    scores = graph.add("Sigmoid", _logits(graph, planes, "RGB", np.zeros(3), np.ones(3)))
    boxes = np.ascontiguousarray(_corners()[:, [1, 0, 3, 2]])
    limits = (np.array([20]), np.array([0.5], np.float32), np.array([0.3], np.float32))
    chosen = graph.add("NonMaxSuppression", boxes[None], scores, *limits)
    number = graph.add("Squeeze", graph.add("Slice", chosen, [1], [2], [1]), np.array([1]))
    cell = graph.add("Squeeze", graph.add("Slice", chosen, [2], [3], [1]), np.array([1]))
    place = graph.add("Add", graph.add("Mul", number, np.array(_CELLS)), cell)
    flat = graph.add("Reshape", scores, np.array([2 * _CELLS]))
    graph.add("Unsqueeze", graph.add("Gather", boxes, cell, axis=0), np.array([0]), to="detection_boxes")
    graph.add("Unsqueeze", graph.add("Gather", flat, place, axis=0), np.array([0]), to="detection_scores")
    counted = graph.add("Add", graph.add("Cast", number, to_=TensorProto.FLOAT), np.float32(1))
    graph.add("Unsqueeze", counted, np.array([0]), to="detection_classes")
    rows = graph.add("Slice", graph.add("Shape", chosen), [0], [1], [0])
    graph.add("Cast", rows, to="num_detections", to_=TensorProto.FLOAT)
    outputs = [
        _info("detection_boxes", (1, "rows", 4)),
        _info("detection_classes", (1, "rows")),
        _info("detection_scores", (1, "rows")),
        _info("num_detections", (1,)),
    ]
    return graph.save(path, [_info("input_tensor", (1, INPUT, INPUT, 3), TensorProto.UINT8)], outputs)


# Which fit `models add` takes for each of them, unasked.
KINDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "yolox": (yolox, "pad"),
    "yolo": (yolo, "pad_centre"),
    "yolov5": (yolov5, "pad_centre"),
    "final_rows": (final_rows, "pad_centre"),
    "final_centres": (partial(final_rows, centres=True), "stretch"),
    "queries": (queries, "stretch"),
    "detr": (detr, "stretch"),
    "final": (final, "stretch"),
    "ssd": (ssd, "stretch"),
}


def square(fit: str, column: int, row: int, size: tuple[int, int] = (480, 360)) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 in a frame of that size of what is exactly a window of a model with that fit.

    column and row count windows from the left and top ones that lie inside the picture."""
    if fit == "stretch":
        scale_x, scale_y, first = size[0] / INPUT, size[1] / INPUT, (0, 0)
    else:
        scale_x = scale_y = max(size) / INPUT
        top = (INPUT - round(size[1] / scale_y)) // 2 if fit == "pad_centre" else 0
        first = (0, -(-top // STRIDE) * STRIDE - top)
    left, upper = (first[0] + column * STRIDE) * scale_x, (first[1] + row * STRIDE) * scale_y
    return round(left), round(upper), round(left + WINDOW * scale_x), round(upper + WINDOW * scale_y)


def frame(*squares: tuple[str, tuple[int, int, int, int]], size: tuple[int, int] = (480, 360)) -> NDArray[np.uint8]:
    """A grey picture [height, width, 3], RGB, with squares of these labels in these places."""
    pixels = np.full((size[1], size[0], 3), 110, np.uint8)
    for label, (x1, y1, x2, y2) in squares:
        pixels[y1:y2, x1:x2] = (230, 0, 0) if label == "red" else (0, 0, 230)
    return pixels
