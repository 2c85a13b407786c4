"""Reading ONNX files, of which the hash in the catalogue must cover everything that is computed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import NodeProto, TensorProto

from contracts.errors import ModelBroken
from detector.engine import line_of

# A node of this kind names a file with a compiled graph.
_COMPILED = "EPContext"


def read_onnx(path: Path, model_id: str = "") -> Any:
    """The content of a file. Raises ModelBroken where it is not ONNX, and where any part of it lies in another file:
    in weights, in constants, or within branches, loops and functions. Reads no other file. model_id: for messages,
    where there is a model already."""
    shown = f"model {model_id}: {path}" if model_id else str(path)
    try:
        content = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # errors of the library have no common class
        raise ModelBroken(f"{shown} is not an ONNX file: {line_of(error)}") from error
    for part in _parts(content):
        if isinstance(part, TensorProto) and (part.data_location == TensorProto.EXTERNAL or part.external_data):
            raise ModelBroken(
                f"{shown} stores its weights in another file: export it as one, or merge them with onnx.save"
            )
        if isinstance(part, NodeProto) and part.op_type == _COMPILED:
            raise ModelBroken(f"{shown} refers to a graph compiled for one device: export the model without compiling")
    return content


def _parts(message: Any) -> Iterator[Any]:
    """All messages within a message."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.is_repeated else (value,):
                yield one
                yield from _parts(one)
