"""What every engine is to the detector: three methods, and the checks that all of them share.

A backend runs tensors. What the tensors mean is the business of detector.heads.
"""

import hashlib
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.catalogue import Model
from contracts.errors import ModelBroken, PrecisionUnavailable

PRECISIONS = ("fp32", "bf16", "f16")

Image = NDArray[np.uint8]
Outputs = dict[str, NDArray[np.float32]]
# What a model must give: the shape of each output for one image, without the batch dimension.
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """device: as the engine names it. threads: of inference, 0 means the engine's choice."""

    device: str = "CPU"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What computes: engine and version, device as its maker names it, and a precision of PRECISIONS."""

    engine: str
    version: str
    device: str
    precision: str


class Backend(Protocol):
    """One model on one device. Made empty, set up once, then used by one thread."""

    def setup(self, model: Model, path: Path, precision: str) -> None:
        """Load the model file, compile it and run it once, so that the first task is not the slow one.

        precision: one of PRECISIONS, or "auto" for the engine's choice.
        Raises ModelBroken (missing, changed, unreadable, other outputs than its head needs),
        PrecisionUnavailable, EngineUnavailable (no such device).
        """

    def infer(self, images: Iterable[Image]) -> Generator[Outputs, None, None]:
        """The outputs of each image, in the order of the images.

        images: uint8 [height, width, 3] of the model's input size and colour order. They are
        pulled one by one while earlier ones are computed, and may be written over once the next is
        pulled; an error of theirs comes through.
        outputs: float32 by name, without a batch dimension, owned by the caller. They do not
        depend on which images are computed together. A generator that is closed before its end
        leaves the backend as it was. One generator at a time.
        """

    def describe(self) -> EngineInfo:
        """What computes, after setup."""


def check_file(model: Model, path: Path) -> None:
    """The file is the one of the catalogue, byte for byte. Raises ModelBroken with what to do."""
    if not model.sha256:
        raise ModelBroken(f"the catalogue has no sha256 for model {model.id}: it cannot be trusted; add it there")
    try:
        with path.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise ModelBroken(
            f"model {model.id}: {path} cannot be read ({error.strerror}): install its file there, or set MODELS_DIR"
        ) from error
    if found != model.sha256:
        raise ModelBroken(
            f"model {model.id}: {path} was changed (sha256 {found}, expected {model.sha256}): install it again"
        )


def check_outputs(model: Model, expected: Shapes, found: Shapes) -> None:
    """The model has the outputs that its head reads. Raises ModelBroken that names the others."""
    for name, shape in expected.items():
        if name not in found:
            raise ModelBroken(f"model {model.id} has no output {name!r}; it has: {', '.join(sorted(found)) or 'none'}")
        if found[name] != shape:
            raise ModelBroken(f"model {model.id}: output {name!r} has shape {found[name]}, its head needs {shape}")


def check_finite(model: Model, outputs: Outputs) -> None:
    """Outputs are numbers: a model that gives others would look as if there was nothing to see.

    Raises ModelBroken."""
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise ModelBroken(f"model {model.id}: output {name!r} is not finite on this device")


def choose_precision(wanted: str, available: Collection[str]) -> str:
    """The precision to compute with; "auto" is bf16 where the hardware has it, else fp32.

    available: those of PRECISIONS that the hardware has. Raises PrecisionUnavailable.
    """
    if wanted == "auto":
        return "bf16" if "bf16" in available else "fp32"
    if wanted not in PRECISIONS:
        raise PrecisionUnavailable(f"there is no precision {wanted!r}; known are: auto, {', '.join(PRECISIONS)}")
    if wanted not in available:
        raise PrecisionUnavailable(f"this device does not compute in {wanted}; it has: {', '.join(sorted(available))}")
    return wanted
