"""A model that costs next to nothing, for tests and benchmarks of the service around it.

An ONNX graph of average pools with NanoDet's outputs: a cell's score for class i is the mean of colour channel i % 3
(0 to 1), and every box has the same size. It is registered in a models folder like any other.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from contracts.models.catalogue import Model, write_entry
from detector.heads.grid import STRIDES
from detector.heads.nanodet import BINS

ID = "tiny"
COMMON_LABELS = ("person", "cat", "cup", "dog", "horse")


def install(folder: Path, side: int = 64, labels: tuple[str, ...] = ("bright",)) -> Model:
    """Write the model into a models folder. side: of its square input in pixels, a multiple of the largest stride."""
    assert side % STRIDES[-1] == 0
    folder.mkdir(parents=True, exist_ok=True)
    content = _graph(side, len(labels)).SerializeToString()
    (folder / f"{ID}.onnx").write_bytes(content)
    model = Model(
        id=ID,
        title="what is bright",
        engine="openvino",
        file=f"{ID}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="Apache-2.0",
        source="tests/support/models/tiny_model.py",
        accuracy="none",
        input_size=(side, side),
        channels="BGR",
        std=(255.0, 255.0, 255.0),
        head="nanodet",
        labels=labels,
    )
    (folder / f"{ID}.json").write_bytes(write_entry(model))
    return model


def as_default(folder: Path) -> dict[str, str]:
    """Install it for a service whose data is in the folder; the settings that make it the default model. For tests that
    ask nothing of the detections: it costs next to nothing to load and to run."""
    install(folder / "data" / "models", labels=COMMON_LABELS)
    return {"DEFAULT_MODEL": ID}


def _graph(side: int, classes: int) -> Any:
    nodes, parts, before = [], [], "image"
    for stride in STRIDES:
        ratio = stride if before == "image" else 2
        pooled = f"pooled{stride}"
        nodes.append(
            helper.make_node("AveragePool", [before], [pooled], kernel_shape=[ratio, ratio], strides=[ratio, ratio])
        )
        nodes.append(helper.make_node("Reshape", [pooled, "flat"], [f"part{stride}"]))
        parts.append(f"part{stride}")
        before = pooled
    cells = sum((side // stride) ** 2 for stride in STRIDES)
    nodes.append(helper.make_node("Concat", parts, ["cells"], axis=2))
    nodes.append(helper.make_node("Transpose", ["cells"], ["colours"], perm=[0, 2, 1]))
    nodes.append(helper.make_node("Gather", ["colours", "channels"], ["scores"], axis=2))
    nodes.append(helper.make_node("MatMul", ["colours", "none"], ["distances"]))
    constants = {
        "flat": np.array([1, 3, -1], np.int64),
        "channels": np.arange(classes, dtype=np.int64) % 3,
        "none": np.zeros((3, 4 * BINS), np.float32),
    }
    graph = helper.make_graph(
        nodes,
        ID,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, cells, classes]),
            helper.make_tensor_value_info("distances", TensorProto.FLOAT, [1, cells, 4 * BINS]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return made
