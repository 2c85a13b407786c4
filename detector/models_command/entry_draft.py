"""Drafts a catalogue entry from a graph and the user's options, and records what was guessed. Pure functions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from contracts.errors import InvalidInput, ModelBroken
from contracts.models.catalogue import COCO_80, COCO_91, HeadOptions, Model
from detector.heads import HEADS
from detector.models_command.head_guess import Seen, read
from detector.models_command.onnx_inspect import Graph
from detector.models_command.reading import DETR, FINAL, NANODET, TENSORFLOW, YOLO, YOLOX, Family, Reading
from detector.models_command.single_output import are_decoded

_SIZE_INPUT = "orig_target_sizes"
_ONLY_ROLE = {"yolox": "output", "yolo": "output0"}
_FAMILIES = {"yolox": YOLOX, "yolo": YOLO, "nanodet": NANODET, "detr": DETR}
_DETECTION = {"", "detect", "detection", "object-detection", "object_detection"}
_OTHER_TASKS = {
    "segment": "masks",
    "pose": "keypoints",
    "obb": "oriented boxes",
    "classify": "classes of whole pictures",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """model: an entry. guessed: reasons for the fields that no option set."""

    model: Model
    guessed: dict[str, str]


def sketch(graph: Graph, said: Mapping[str, Any]) -> Model:
    """An entry with input and engine, enough to run the file before its head is known.

    said: fields set by options. Raises ModelBroken for tasks other than detection, and when a field is neither set nor
    in the file, InvalidInput for contradicting options.
    """
    _check_task(graph.notes.task, named="head" in said)
    size = _input_size(graph, said)
    given = said.get("feeds", {})
    usual = _fields(TENSORFLOW if graph.image.whole else FINAL)
    settled = {"input_size": size, "feeds": _feeds(graph, size, given) | given}
    unknown = {"sha256": "", "head": "", "head_options": {}, "outputs": {}, "labels": ()}
    return _entry(usual | dict(said) | settled | unknown)


def draft(graph: Graph, said: Mapping[str, Any], sketched: Model, seen: Seen) -> Draft:
    """Draft an entry for a graph.

    said: fields set by options; `head_options` as a mapping. sketched: by `sketch`. seen: values of a single output
    for photographs. Raises ModelBroken where a field is neither set nor can be guessed, InvalidInput for
    contradicting options.
    """
    assert sketched.input_size is not None  # noqa: S101  (settled by sketch)
    guessed = {} if graph.input_size or "input_size" in said else {"input_size": "named in the file"}
    said = dict(said) | {"input_size": sketched.input_size, "feeds": sketched.feeds}

    def settle(name: str, value: Any, why: str) -> Any:
        if name not in said:
            said[name] = value
            guessed[name] = why
        return said[name]

    options = dict(said.pop("head_options", {}))
    names = said.get("labels", graph.notes.names)
    reading = _reading(graph, sketched.input_size, seen, said.get("head"), options, len(names) or None)
    settle("head", reading.head, reading.why)
    settle("outputs", reading.outputs, "")
    said["outputs"] = {role: name for role, name in said["outputs"].items() if role != name}
    if "labels" not in said:
        settle("labels", *_labels(graph, reading))
    _check_number(said["labels"], reading)
    for name, value in _fields(reading.family).items():
        settle(name, value, f"as usual for {reading.family.name}")
    usual = msgspec.to_builtins(reading.options) | msgspec.to_builtins(reading.family.head_options)
    decided = usual.keys() | ({"decoded"} if reading.family is YOLOX else set())
    if decided - options.keys():
        guessed["head_options"] = _why_options(reading)
    guessed = {name: why for name, why in guessed.items() if why}
    return Draft(_entry(said | {"head_options": usual | options}), guessed)


def _entry(fields: dict[str, Any]) -> Model:
    try:
        return msgspec.convert(fields, Model)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error


def _check_task(task: str, *, named: bool) -> None:
    """named: a head was named, which may read the outputs of an unknown task. Raises ModelBroken."""
    if task in _OTHER_TASKS:
        raise ModelBroken(
            f"the file is a model for {_OTHER_TASKS[task]} (its task is {task!r}), which no head reads: export a "
            "detection model (task 'detect')"
        )
    if task not in _DETECTION and not named:
        raise ModelBroken(
            f"the file's task is {task!r}, not detection: export a detection model (task 'detect'); if it gives boxes "
            f"all the same, name the head that reads them with --head ({', '.join(sorted(HEADS))})"
        )


def _input_size(graph: Graph, said: Mapping[str, Any]) -> tuple[int, int]:
    """(width, height) of the input. Raises ModelBroken, InvalidInput."""
    size = said.get("input_size") or graph.input_size or graph.notes.size
    if size is None:
        raise ModelBroken(f"the input {graph.image} takes images of any size: set one, such as --input-size 640x640")
    if graph.input_size not in (None, tuple(size)):
        raise InvalidInput(f"--input-size {size[0]}x{size[1]} does not fit the input {graph.image}")
    return size[0], size[1]


def _fields(family: Family) -> dict[str, Any]:
    """The preprocessing as fields of an entry."""
    return {name: getattr(family, name) for name in ("channels", "mean", "std", "fit")}


def _why_options(reading: Reading) -> str:
    if reading.family.head_options != HeadOptions():
        return f"as usual for {reading.family.name}"
    if reading.family is YOLOX:
        return f"its boxes are in {'pixels' if reading.options.decoded else 'strides'}"
    return reading.why if reading.options != HeadOptions() else ""


def _reading(
    graph: Graph,
    size: tuple[int, int],
    seen: Seen,
    head: str | None,
    options: Mapping[str, Any],
    classes: int | None,
) -> Reading:
    """The head for the outputs; a head named by the user may read outputs that are not recognised."""
    if head is not None and head not in HEADS:
        raise InvalidInput(f"there is no head {head!r}; known heads: {', '.join(HEADS)}")
    try:
        reading = read(graph, size, seen, classes)
    except ModelBroken:
        if head is None:
            raise
        return _named(graph, head, seen, options)
    return reading if head in (None, reading.head) else _named(graph, str(head), seen, options)


def _named(graph: Graph, head: str, seen: Seen, options: Mapping[str, Any]) -> Reading:
    """The head that the user named, reading the only output where there is just one."""
    role = "output" if options.get("joined") else _ONLY_ROLE.get(head)
    only = graph.outputs[0].name if len(graph.outputs) == 1 else None
    family = _FAMILIES.get(head, TENSORFLOW if graph.image.whole else FINAL)
    decoded = False
    if head == "yolox" and only is not None and seen.get(only):
        decoded = are_decoded(np.concatenate([array.reshape(-1, array.shape[-1]) for array in seen[only]]))
    return Reading(head, {role: only} if role and only else {}, None, "", family, HeadOptions(decoded=decoded))


def _feeds(graph: Graph, size: tuple[int, int], given: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Constants for the other inputs: the image size, where the input has its usual name."""
    others = [port for port in graph.others if port.name not in given]
    unknown = [port for port in others if port.name != _SIZE_INPUT]
    if unknown:
        shown = ", ".join(str(port) for port in unknown)
        raise ModelBroken(f"the model has further inputs {shown}: set their values, such as --feed NAME=640,640")
    return {port.name: size for port in others}


def _labels(graph: Graph, reading: Reading) -> tuple[tuple[str, ...], str]:
    """Labels, and their origin. Raises ModelBroken when unknown."""
    names, classes = graph.notes.names, reading.classes
    if names and classes in (None, len(names)):
        return names, "named in the file"
    if names:
        raise ModelBroken(
            f"the file names {len(names)} classes ({', '.join(names[:3])}...), but read with head {reading.head} its "
            f"outputs have {classes} ({reading.why}): it may be no plain detection model; if it is one, set --labels "
            "FILE (one per line), or another --head"
        )
    known = next((labels for labels in (COCO_80, COCO_91) if len(labels) == classes), None)
    if known is None:
        which = "its classes" if classes is None else f"its {classes} classes"
        raise ModelBroken(f"the file does not name what {which} are: set --labels FILE (one per line) or coco-80")
    return known, f"there are {classes} classes"


def _check_number(labels: Collection[str], reading: Reading) -> None:
    if reading.classes not in (None, len(labels)):
        raise ModelBroken(
            f"the model has {reading.classes} classes, and there are {len(labels)} labels: one per line, in the "
            "model's order, with an empty line for an unused class"
        )
