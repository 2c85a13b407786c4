"""Drafts a catalogue entry from a graph and the user's options, and records what was guessed. Pure functions."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from contracts.errors import InvalidInput, ModelBroken
from contracts.models.catalogue import COCO_80, COCO_91, Channel, Model
from detector.heads import HEADS
from detector.models_command.head_guess import Reading, read
from detector.models_command.onnx_inspect import Graph

_PLAIN: Channel = (0.0, 0.0, 0.0)
_ONES: Channel = (1.0, 1.0, 1.0)
_WHOLE: Channel = (255.0, 255.0, 255.0)
# Of ImageNet's pictures, in RGB.
_MEAN: Channel = (123.675, 116.28, 103.53)
_STD: Channel = (58.395, 57.12, 57.375)
_NANODET = {"mean": (103.53, 116.28, 123.675), "std": (57.375, 57.12, 58.395)}
_SIZE_INPUT = "orig_target_sizes"
_ONLY_ROLE = {"yolox": "output", "yolo": "output0"}


@dataclass(frozen=True, slots=True)
class Draft:
    """model: an entry, without the hash of its file. guessed: reasons for the fields that no option set."""

    model: Model
    guessed: dict[str, str]
    # Only a run can tell whether its boxes are decoded.
    decoded_is_open: bool


def draft(graph: Graph, said: dict[str, Any]) -> Draft:
    """Draft an entry for a graph.

    said: fields set by options; `head_options` as a mapping. Raises ModelBroken where a field is neither set nor can be
    guessed, InvalidInput for contradicting options.
    """
    said = dict(said)
    guessed: dict[str, str] = {}

    def settle(name: str, value: Any, why: str) -> Any:
        if name not in said:
            said[name] = value
            guessed[name] = why
        return said[name]

    size = said.get("input_size") or graph.input_size
    if size is None:
        raise ModelBroken(f"the input {graph.image} takes images of any size: set one, such as --input-size 640x640")
    if graph.input_size not in (None, tuple(size)):
        raise InvalidInput(f"--input-size {size[0]}x{size[1]} does not fit the input {graph.image}")
    settle("input_size", size, "")
    options = dict(said.pop("head_options", {}))
    reading = _reading(graph, size, said.get("head"))
    settle("head", reading.head, reading.why)
    settle("outputs", {role: name for role, name in reading.outputs.items() if role != name}, "")
    said["outputs"] = {role: name for role, name in said["outputs"].items() if role != name}
    given = said.pop("feeds", {})
    said["feeds"] = _feeds(graph, size, given) | given
    settle("labels", _labels(graph, reading), _why_labels(graph, reading))
    _check_labels(said["labels"], reading)
    usual = _usual(graph, reading)
    for name in ("channels", "mean", "std", "fit"):
        settle(name, usual[name], f"as usual for head {reading.head}")
    if "head_options" in usual:
        guessed["head_options"] = f"as usual for head {reading.head}, with such an input"
    settled = msgspec.to_builtins(reading.options) | usual.get("head_options", {}) | options
    guessed = {name: why for name, why in guessed.items() if why}
    try:
        model = msgspec.convert({"sha256": "", "head_options": settled} | said, Model)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error
    open_question = reading.head == "yolox" and not model.head_options.decoded and "decoded" not in options
    return Draft(model, guessed, open_question)


def with_decoded(model: Model, *, decoded: bool) -> Model:
    """The model with head_options.decoded."""
    return replace(model, head_options=replace(model.head_options, decoded=decoded))


def _reading(graph: Graph, size: tuple[int, int], head: str | None) -> Reading:
    """The head for the outputs; a head named by the user may read outputs that are not recognised."""
    if head is not None and head not in HEADS:
        raise InvalidInput(f"there is no head {head!r}; known heads: {', '.join(HEADS)}")
    try:
        reading = read(graph, size)
    except ModelBroken:
        if head is None:
            raise
        return _named(graph, head)
    return reading if head in (None, reading.head) else _named(graph, str(head))


def _named(graph: Graph, head: str) -> Reading:
    """The head that the user named, reading the only output where there is just one."""
    role = _ONLY_ROLE.get(head)
    return Reading(head, {role: graph.outputs[0].name} if role and len(graph.outputs) == 1 else {}, None, "")


def _feeds(graph: Graph, size: tuple[int, int], given: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Constants for the other inputs: the image size, where the input has its usual name."""
    others = [port for port in graph.others if port.name not in given]
    unknown = [port for port in others if port.name != _SIZE_INPUT]
    if unknown:
        shown = ", ".join(str(port) for port in unknown)
        raise ModelBroken(f"the model has further inputs {shown}: set their values, such as --feed NAME=640,640")
    return {port.name: size for port in others}


def _labels(graph: Graph, reading: Reading) -> tuple[str, ...] | None:
    if graph.names and reading.classes in (None, len(graph.names)):
        return graph.names
    return next((labels for labels in (COCO_80, COCO_91) if len(labels) == reading.classes), None)


def _why_labels(graph: Graph, reading: Reading) -> str:
    if graph.names and reading.classes in (None, len(graph.names)):
        return "named in the file"
    return f"there are {reading.classes} classes"


def _check_labels(labels: Any, reading: Reading) -> None:
    if labels is None:
        classes = "its classes" if reading.classes is None else f"its {reading.classes} classes"
        raise ModelBroken(f"the file does not name what {classes} are: set --labels FILE (one per line) or coco-80")
    if reading.classes not in (None, len(labels)):
        raise ModelBroken(
            f"the model has {reading.classes} classes, and there are {len(labels)} labels: one per line, in the "
            "model's order, with an empty line for an unused class"
        )


def _usual(graph: Graph, reading: Reading) -> dict[str, Any]:
    """The usual preprocessing of models with such outputs."""
    rgb = {"channels": "RGB", "mean": _PLAIN, "std": _WHOLE, "fit": "stretch"}
    match reading.head:
        case "yolox" if not reading.options.decoded:
            return {"channels": "BGR", "mean": _PLAIN, "std": _ONES, "fit": "pad"}
        case "yolox" | "yolo":
            return rgb | {"fit": "pad_centre"}
        case "nanodet":
            return {"channels": "BGR", **_NANODET, "fit": "stretch"}
        case "detr":
            # RF-DETR's own names; it and DETR itself were trained on normalised pictures.
            normal = reading.outputs.get("boxes") == "dets" or reading.options.activation == "softmax"
            return rgb | ({"mean": _MEAN, "std": _STD} if normal else {})
    if graph.image.whole:  # as TensorFlow's detectors are exported
        options = {"box": "yxyx", "units": "unit", "first_label": 1}
        return rgb | {"std": _ONES, "head_options": options}
    return rgb
