"""What every engine is to the detector: three methods, and the checks that all of them share.

An engine runs tensors; detector.heads turns its outputs into detections.
"""

import hashlib
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ModelBroken, PrecisionUnavailable
from contracts.models.catalogue import Model

PRECISIONS = ("fp32", "bf16", "f16", "int8")

Image = NDArray[np.uint8]
Outputs = dict[str, NDArray[np.float32]]
# The one role that is no numbers: [n] of bytes, the mask of each object as detector.masks_rle writes it.
MASKS = "masks"
# What the input for images is called inside an engine, whatever its name in the file.
IMAGE_INPUT = "web_detector_image"
# What a model must give: the shape of each output for one image, without the batch dimension; None is any number.
Shapes = Mapping[str, tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """device: as the engine names it, "" for its choice. threads: of inference, 0 means the engine's
    choice. batch: images that a GPU computes at once, 0 means the engine's choice."""

    device: str = ""
    threads: int = 0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What computes: engine and version, device as its maker names it, the engine's part for it
    (provider), and a precision of PRECISIONS. Results are alike where engine, provider and precision are."""

    engine: str
    version: str
    device: str
    provider: str
    precision: str


class Engine(Protocol):
    """One model on one device. Made empty, set up once, then used by one thread."""

    def setup(self, model: Model, path: Path, precision: str) -> None:
        """Load the model file, compile it and run it once, so that the first task is not the slow one.

        precision: one of PRECISIONS, or "auto" for the engine's choice.
        Raises ModelBroken (missing, changed, unreadable, other outputs than its head needs),
        PrecisionUnavailable, EngineUnavailable (no such device).
        """

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        """The outputs of each image, in the order of the images.

        images: uint8 [height, width, 3] of the model's input size (all of one size, where it has none)
        and colour order. They are pulled one by one while earlier ones are computed, and may be
        written over once the next is pulled; an error of theirs comes through.
        masks: whether the masks of objects are wanted too (role MASKS, of the size of the image), from
        a model that has some. Else nothing of what makes them runs.
        outputs: float32 by the roles that the model's head reads, without a batch dimension, owned
        by the caller. They do not depend on which images are computed together. A generator that is
        closed before its end leaves the engine as it was. One generator at a time.
        """

    def describe(self) -> EngineInfo:
        """What computes, after setup."""


def check_file(model: Model, path: Path, precision: str) -> None:
    """The file is the one of the catalogue for that precision, byte for byte. Raises ModelBroken with what to do."""
    _, sha256 = model.weights(precision)
    if not sha256:
        raise ModelBroken(f"the catalogue has no sha256 for model {model.id}: it cannot be trusted; add it there")
    try:
        with path.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise ModelBroken(
            f"model {model.id}: {path} cannot be read ({error.strerror}): put its file there, or set MODELS_DIR"
        ) from error
    if found != sha256:
        raise ModelBroken(f"model {model.id}: {path} was changed (sha256 {found}, expected {sha256}): install it again")


def image_shape(model: Model) -> tuple[int, int, int]:
    """(height, width, 3) of the model's images. Raises ModelBroken where the entry does not say it."""
    if model.input_size is None:
        raise ModelBroken(f"model {model.id}: engine {model.engine} needs an input_size")
    return (model.input_size[1], model.input_size[0], 3)


def check_image(image: Image, shape: tuple[int, int, int]) -> None:
    """Raises ValueError for an image of another shape than the model's."""
    if image.shape != shape:
        raise ValueError(f"an image of shape {image.shape} was given to a model for {shape}")


def check_outputs(model: Model, expected: Shapes, found: Shapes) -> dict[str, str]:
    """The model has the outputs that its head reads: their names in the graph by role.

    expected: by role. found: by the graph's names, with the batch dimension where there is one; None
    stands for a number that only running tells. Raises ModelBroken that names the others.
    """
    names = {role: model.outputs.get(role, role) for role in expected}
    for role, shape in expected.items():
        name = names[role]
        if name not in found:
            raise ModelBroken(f"model {model.id} has no output {name!r}; it has: {', '.join(sorted(found)) or 'none'}")
        has = found[name][1:] if len(found[name]) == len(shape) + 1 else found[name]
        if len(has) != len(shape) or any(
            None not in pair and pair[0] != pair[1] for pair in zip(has, shape, strict=True)
        ):
            raise ModelBroken(
                f"model {model.id}: output {name!r} has shape {shown(has)}, its head needs {shown(shape)}"
            )
    return names


def shown(shape: tuple[int | None, ...]) -> str:
    """A shape as errors show it."""
    return f"({', '.join('any' if length is None else str(length) for length in shape)})"


def by_role(names: Mapping[str, str], expected: Shapes, arrays: Mapping[str, NDArray[Any]]) -> Outputs:
    """Outputs of one image as the head reads them: see Engine.infer.

    names: from check_outputs. arrays: by the graph's names. Raises ValueError where the number of dimensions is
    another than the graph has announced.
    """
    outputs = {}
    for role, shape in expected.items():
        array = arrays[names[role]]
        if array.ndim == len(shape) + 1 and len(array) == 1:
            array = array[0]
        if array.ndim != len(shape):
            raise ValueError(f"output {names[role]!r} has shape {array.shape}")
        outputs[role] = array.astype(np.float32)  # a copy in any case: the engine's memory is written again
    return outputs


def check_finite(model: Model, outputs: Outputs) -> None:
    """Outputs are numbers: a model that gives others would look as if there was nothing to see.

    Raises ModelBroken."""
    for name, values in outputs.items():
        # What is no number makes the sum none. (And infinity may be meant, as a logit: exp(-inf) is 0.)
        if name != MASKS and np.isnan(values.sum(dtype=np.float64)):
            raise ModelBroken(f"model {model.id}: output {name!r} is not a number on this device")


def choose_precision(wanted: str, available: Collection[str]) -> str:
    """The precision to compute with; "auto" is bf16 where the hardware has it, else fp32, and never int8,
    which changes too many boxes to be taken unasked.

    available: those of PRECISIONS that the hardware has. Raises PrecisionUnavailable.
    """
    if wanted == "auto":
        return "bf16" if "bf16" in available else "fp32"
    if wanted not in PRECISIONS:
        raise PrecisionUnavailable(f"there is no precision {wanted!r}; known are: auto, {', '.join(PRECISIONS)}")
    if wanted not in available:
        raise PrecisionUnavailable(f"this device does not compute in {wanted}; it has: {', '.join(sorted(available))}")
    return wanted


def line_of(error: Exception, position: int = 0) -> str:
    """One line of what a library's error says: the first, where position names no other; its name when it says none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[position] if lines else type(error).__name__
