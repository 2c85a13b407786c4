"""Inspects an ONNX file without running it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

from contracts.errors import ModelBroken
from detector.engines.onnx_file import read_onnx
from detector.models_command import onnx_notes
from detector.models_command.onnx_notes import Notes

Shape = tuple[int | None, ...]
_WHOLE = {TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8, TensorProto.INT8}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output. shape: None is a length that is known at run time only. whole: integer type."""

    name: str
    shape: Shape
    whole: bool

    def tail(self, count: int) -> Shape | None:
        """The shape without a batch dimension of 1 or any size, if `count` lengths remain; else None."""
        if len(self.shape) == count:
            return self.shape
        if len(self.shape) == count + 1 and self.shape[0] in (1, None):
            return self.shape[1:]
        return None

    def __str__(self) -> str:
        return f"{self.name} [{', '.join('any' if length is None else str(length) for length in self.shape)}]"


@dataclass(frozen=True, slots=True)
class Graph:
    """image: the image input; others: the other inputs. notes: metadata of the exporter."""

    image: Port
    others: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: Notes = field(default_factory=Notes)

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(width, height), or None if not fixed."""
        lengths = self.image.shape[1:3] if self.image.shape[3] == 3 else self.image.shape[2:]
        height, width = lengths
        return None if width is None or height is None else (width, height)


def inspect(path: Path) -> Graph:
    """Read a file. Raises ModelBroken: not ONNX, external data, no image input."""
    content = read_onnx(path)
    graph = content.graph
    if not graph.output:
        raise ModelBroken(f"{path} is not an ONNX file of a model: it has no outputs")
    known = {one.name for one in graph.initializer}
    inputs = [_port(one) for one in graph.input if one.name not in known]
    images = [port for port in inputs if len(port.shape) == 4 and 3 in (port.shape[1], port.shape[3])]
    if len(images) != 1:
        shown = ", ".join(str(port) for port in inputs) or "none"
        raise ModelBroken(
            f"{path} does not have exactly one image input, [batch, 3, height, width] or [batch, height, width, 3]; "
            f"its inputs: {shown}"
        )
    others = tuple(port for port in inputs if port is not images[0])
    notes = onnx_notes.read({item.key: item.value for item in content.metadata_props})
    return Graph(images[0], others, _outputs(content), notes)


def _outputs(content: Any) -> tuple[Port, ...]:
    ports = tuple(_port(one) for one in content.graph.output)
    if all(port.shape for port in ports):
        return ports
    found = onnx.shape_inference.infer_shapes(content)
    return tuple(_port(one) for one in found.graph.output)


def _port(one: Any) -> Port:
    if not one.name.isprintable():  # names are shown in terminals
        raise ModelBroken(f"the input or output {one.name!a} has control characters in its name: export it anew")
    kind = one.type.tensor_type
    shape = tuple(length.dim_value if length.dim_value > 0 else None for length in kind.shape.dim)
    return Port(one.name, shape, kind.elem_type in _WHOLE)
