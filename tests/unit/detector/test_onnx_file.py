"""The hash of a model covers all that is computed: files of which parts lie elsewhere are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from contracts.errors import ModelBroken
from detector.engines.onnx_file import read_onnx


def elsewhere() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.txt")
    return tensor


def graph(*nodes: NodeProto, weights: tuple[TensorProto, ...] = ()) -> GraphProto:
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [4])
    return helper.make_graph(list(nodes), "some", [], [output], list(weights))


def constant(value: TensorProto) -> NodeProto:
    return helper.make_node("Constant", [], ["out"], value=value)


def branch() -> GraphProto:
    inner = helper.make_node("If", ["yes"], ["out"], then_branch=graph(constant(elsewhere())), else_branch=graph())
    return graph(helper.make_node("If", ["yes"], ["out"], then_branch=graph(inner), else_branch=graph()))


def loop() -> GraphProto:
    return graph(helper.make_node("Loop", ["", "yes"], ["out"], body=graph(weights=(elsewhere(),))))


def function(content: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 17)]
    content.functions.append(helper.make_function("own", "f", [], ["out"], [constant(elsewhere())], opsets))


def saved(path: Path, content: GraphProto, change: Callable[[onnx.ModelProto], None] = lambda _: None) -> Path:
    model = helper.make_model(content)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    "content",
    [graph(weights=(elsewhere(),)), graph(constant(elsewhere())), branch(), loop()],
    ids=["weights", "constant", "branch", "loop"],
)
def test_data_in_another_file_is_refused(tmp_path: Path, content: GraphProto) -> None:
    (tmp_path / "secret.txt").write_bytes(bytes(16))
    with pytest.raises(ModelBroken, match="in another file"):
        read_onnx(saved(tmp_path / "some.onnx", content))


def test_functions_and_compiled_graphs_that_name_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelBroken, match="in another file"):
        read_onnx(saved(tmp_path / "function.onnx", graph(), function))
    compiled = helper.make_node("EPContext", [], ["out"], domain="com.microsoft", ep_cache_context="engine.bin")
    with pytest.raises(ModelBroken, match="compiled for one device"):
        read_onnx(saved(tmp_path / "compiled.onnx", graph(compiled)))


def test_other_files_are_read_or_refused_as_no_onnx(tmp_path: Path) -> None:
    whole = numpy_helper.from_array(np.zeros(4, np.float32), "weights")
    assert read_onnx(saved(tmp_path / "some.onnx", graph(constant(whole), weights=(whole,)))).graph.name == "some"
    (tmp_path / "none.onnx").write_bytes(b"<net>")
    with pytest.raises(ModelBroken, match="is not an ONNX file"):
        read_onnx(tmp_path / "none.onnx")
