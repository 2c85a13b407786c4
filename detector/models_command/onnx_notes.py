"""Metadata that exporters write into ONNX files: names, task, input size. Pure functions."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TRUE = {"true", "1"}


@dataclass(frozen=True, slots=True)
class Notes:
    """names: of the classes. task: in lower case, such as "detect" or "pose". size: (width, height) of the input.
    final: the graph selects the boxes itself. Empty, None or False if not in the file.
    """

    names: tuple[str, ...] = ()
    task: str = ""
    size: tuple[int, int] | None = None
    final: bool = False


def read(properties: Mapping[str, str]) -> Notes:
    """Parse the metadata of a file; unreadable values are ignored."""
    values = {key: _value(properties.get(key, "")) for key in ("names", "imgsz", "args")}
    arguments = values["args"] if isinstance(values["args"], Mapping) else {}
    final = (properties.get("end2end", ""), str(arguments.get("end2end", "")), str(arguments.get("nms", "")))
    return Notes(
        names=_names(values["names"]),
        task=properties.get("task", "").strip().lower(),
        size=_size(values["imgsz"]),
        final=any(text.strip().lower() in _TRUE for text in final),
    )


def _value(text: str) -> Any:
    """Parse a JSON or Python literal; None if it is neither."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def _names(value: Any) -> tuple[str, ...]:
    """Names from a list, or from a mapping by number from 0 (as text in JSON)."""
    if isinstance(value, Mapping):
        numbered = {_number(key): name for key, name in value.items()}
        if len(numbered) != len(value) or set(numbered) != set(range(len(value))):
            return ()
        value = [numbered[number] for number in range(len(value))]
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return ()


def _number(key: Any) -> Any:
    return int(key) if isinstance(key, str) and key.strip().isdecimal() else key


def _size(value: Any) -> tuple[int, int] | None:
    """Size from [height, width], or from one number for both."""
    lengths = [value, value] if isinstance(value, int) else value
    if not isinstance(lengths, list | tuple) or len(lengths) != 2:
        return None
    height, width = lengths
    if not all(isinstance(length, int) and length > 0 for length in (height, width)):
        return None
    return width, height
