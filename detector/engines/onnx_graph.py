"""ONNX graphs: their image input, and preprocessing steps that are added in front of it."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from contracts.errors import ModelBroken
from contracts.models.catalogue import Channel, Model
from detector.engine import IMAGE_INPUT, image_shape
from detector.engines.onnx_file import read_onnx


def prepared(path: Path, model: Model) -> tuple[bytes, int]:
    """The graph of a file with an input IMAGE_INPUT of uint8 [batch, height, width, 3], and its batch size, 0 for any.
    Raises ModelBroken and errors of onnx."""
    content = read_onnx(path, model.id)
    graph = content.graph
    image = image_input(graph, model)
    shape = [one.dim_value for one in image.type.tensor_type.shape.dim]
    height, width, _ = image_shape(model)
    nhwc = len(shape) == 4 and shape[3] == 3
    expected = [height, width, 3] if nhwc else [3, height, width]
    if len(shape) != 4 or any(has not in (0, want) for has, want in zip(shape[1:], expected, strict=True)):
        raise ModelBroken(f"model {model.id}: its input {image.name} has shape {shape}, not [batch, {expected}]")
    _prepend_preprocessing(graph, image, model, nhwc=nhwc)
    entry = helper.make_tensor_value_info(IMAGE_INPUT, TensorProto.UINT8, [shape[0] or "batch", height, width, 3])
    position = [one.name for one in graph.input].index(image.name)
    graph.input.remove(image)
    graph.input.insert(position, entry)
    return content.SerializeToString(), int(shape[0])


def image_input(graph: Any, model: Model) -> Any:
    """The one input that is neither in feeds nor an initializer. Raises ModelBroken."""
    known = {one.name for one in graph.initializer} | model.feeds.keys()
    images = [one for one in graph.input if one.name not in known]
    if len(images) != 1:
        names = ", ".join(one.name for one in images) or "none"
        raise ModelBroken(f"model {model.id} has the inputs {names}: all but the one for images must stand in feeds")
    return images[0]


def _prepend_preprocessing(graph: Any, image: Any, model: Model, *, nhwc: bool) -> None:
    """Insert the steps from uint8 [n, h, w, 3] to the original input of the graph."""
    steps: list[tuple[str, dict[str, Any], Channel | None]] = []
    kind = image.type.tensor_type.elem_type
    if kind != TensorProto.UINT8:
        steps = [("Cast", {"to": TensorProto.FLOAT}, None)]
        if any(model.mean):
            steps.append(("Sub", {}, model.mean))
        if any(value != 1 for value in model.std):
            steps.append(("Div", {}, model.std))
        if kind != TensorProto.FLOAT:
            steps.append(("Cast", {"to": kind}, None))
    if not nhwc:
        steps.append(("Transpose", {"perm": [0, 3, 1, 2]}, None))
    if not steps:
        steps = [("Identity", {}, None)]
    nodes, current = [], IMAGE_INPUT
    for number, (operation, attributes, constant) in enumerate(steps):
        inputs = [current]
        if constant is not None:
            name = f"{IMAGE_INPUT}_{number}_constant"
            graph.initializer.append(numpy_helper.from_array(np.array(constant, np.float32), name))
            inputs.append(name)
        current = image.name if number == len(steps) - 1 else f"{IMAGE_INPUT}_{number}"
        nodes.append(helper.make_node(operation, inputs, [current], name=f"{IMAGE_INPUT}_step_{number}", **attributes))
    for node in reversed(nodes):
        graph.node.insert(0, node)
