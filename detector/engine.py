"""Port of the inference engines: a template for every engine, with common checks.

An engine runs tensors; detector.heads turns its outputs into detections.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ModelBroken, PrecisionUnavailable, WebDetectorError
from contracts.models.catalogue import Model
from detector import heads
from detector.tensors import MASKS, Image, Outputs, Shapes
from detector.view import GREY

PRECISIONS = ("fp32", "bf16", "f16", "int8")

# Name of the image input inside an engine, whatever its name in the file.
IMAGE_INPUT = "web_detector_image"
# (H, W, 3) of the warm-up image of engines that take any size.
_ANY_SIZE = (360, 640, 3)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Settings of an engine.

    device: in the engine's own naming; "" lets the engine choose. threads: for inference; 0 lets the engine choose.
    batch: images that a GPU computes at once; 0 lets the engine choose. ahead: whether an image may be pulled before it
    can be computed, so that nothing ever waits for one; False for the least delay of each, where the engine can.
    """

    device: str = ""
    threads: int = 0
    batch: int = 0
    ahead: bool = True


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What computes a model.

    engine, version: name and release of the library. device: the hardware's own name. provider: the engine's name for
    the kind of device (OpenVINO device, ONNX Runtime execution provider, PyTorch device type). precision: one of
    PRECISIONS. Results are comparable where engine, provider and precision are equal.
    """

    engine: str
    version: str
    device: str
    provider: str
    precision: str


class Infers(Protocol):
    """What makes outputs of images: an engine, or a place at one."""

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        """See Engine.infer."""


class Engine(ABC):
    """One model on one device: created empty, set up once, then used by one thread.

    A new engine implements precisions, load, run and describe. setup and infer are common to all and are not
    overridden, so that no engine can leave out a check. See docs/recipes/adding-an-engine.md.
    """

    # False for engines that scale images themselves and so take images of any size.
    fixed_input_size: ClassVar[bool] = True
    # Errors of the library that mean a broken model file. Others are not the file's fault and pass through.
    load_errors: ClassVar[tuple[type[Exception], ...]] = (Exception,)
    # Which line of such an error states the reason.
    error_line: ClassVar[int] = 0

    def __init__(self, config: EngineConfig) -> None:
        """Raises EngineUnavailable when the device does not exist."""
        self.config = config
        self.precision = ""
        # (H, W, 3) of all images; None where any size is taken.
        self.image_shape: tuple[int, int, int] | None = None
        self.roles: Shapes = {}  # what the model's head reads
        self.output_names: dict[str, str] = {}  # the graph's names of these, by role
        self.warm_up_images = 1  # load sets it to what the engine computes in parallel

    def setup(self, model: Model, path: Path, precision: str, roles: Shapes | None = None) -> None:
        """Verify the model file, load it, compare its outputs with what the head reads, and run it once.

        The warm-up run keeps compilation out of the first task.
        precision: one of PRECISIONS, or "auto" for the engine's choice. roles: what to read instead of what the head
        reads, where the head is not known yet.
        Raises ModelBroken (file missing, changed or unreadable; outputs other than the head's), PrecisionUnavailable,
        EngineUnavailable.
        """
        available = self.precisions() if model.int8_file else self.precisions() - {"int8"}
        self.precision = choose_precision(precision, available)
        check_file(model, path, self.precision)
        self.roles = heads.get(model).shapes(model) if roles is None else roles
        self.image_shape = image_shape(model) if self.fixed_input_size else None
        try:
            self.output_names = check_outputs(model, self.roles, self.load(model, path))
            self._warm_up(model)
        except WebDetectorError:
            raise
        except self.load_errors as error:
            reason = line_of(error, self.error_line)
            raise ModelBroken(f"model {model.id}: {path} cannot be used: {reason}") from error

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        """Compute the outputs of each image, in the order of the images.

        images: uint8 (H, W, 3) of the model's input size (any size where it has none) and colour order. They are
        pulled one by one while earlier ones are computed, and may be overwritten once the next is pulled; an error
        that they raise passes through.
        masks: whether to compute object masks (role MASKS, in the size of the image) with a model that has them.
        Otherwise the part of the network that makes masks does not run.
        Yields outputs that belong to the caller and do not depend on which images are computed together. A generator
        that is closed early leaves the engine usable. One generator at a time.
        Raises ValueError for an image of another shape.
        """
        yield from self.run((self._checked(image) for image in images), masks=masks)

    @abstractmethod
    def precisions(self) -> set[str]:
        """Those of PRECISIONS that the device computes in. Raises EngineUnavailable."""

    @abstractmethod
    def load(self, model: Model, path: Path) -> Shapes:
        """Load and compile a verified file for self.precision; the shapes of its outputs by the graph's names.

        Shapes may include the batch dimension.
        """

    @abstractmethod
    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        """Compute checked images as `infer` describes; self.by_role makes outputs of the graph's arrays."""

    @abstractmethod
    def describe(self) -> EngineInfo:
        """What computes, after setup."""

    def by_role(self, arrays: Mapping[str, NDArray[Any]]) -> Outputs:
        """Copy one image's arrays, by the graph's names, into outputs by role.

        Raises ValueError where an array has another number of dimensions than the graph announced.
        """
        outputs = {}
        for role, shape in self.roles.items():
            name = self.output_names[role]
            array = arrays[name]
            if array.ndim == len(shape) + 1 and len(array) == 1:
                array = array[0]
            if array.ndim != len(shape):
                raise ValueError(f"output {name!r} has shape {array.shape}")
            outputs[role] = array.astype(np.float32)  # always a copy: the engine reuses its memory
        return outputs

    def _checked(self, image: Image) -> Image:
        if self.image_shape is not None and image.shape != self.image_shape:
            raise ValueError(f"an image of shape {image.shape} was given to a model for {self.image_shape}")
        return image

    def _warm_up(self, model: Model) -> None:
        image = np.full(self.image_shape or _ANY_SIZE, GREY, np.uint8)
        for masks in sorted({False, model.masks}):
            for outputs in self.run([image] * self.warm_up_images, masks=masks):
                check_finite(model, outputs)


def check_file(model: Model, path: Path, precision: str) -> None:
    """Compare the file with the hash in the catalogue for a precision. Raises ModelBroken with what to do."""
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


def check_outputs(model: Model, expected: Shapes, found: Shapes) -> dict[str, str]:
    """Find the outputs that the head reads: their names in the graph by role.

    expected: shapes by role. found: shapes by name in the graph, with the batch dimension if there is one; None is a
    dimension that is known at run time only. Raises ModelBroken with the differences.
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
    """A shape as text."""
    return f"({', '.join('any' if length is None else str(length) for length in shape)})"


def check_finite(model: Model, outputs: Outputs) -> None:
    """Check the outputs for NaN: such a model would look as if it had detected nothing.

    Raises ModelBroken."""
    for name, values in outputs.items():
        # NaN propagates to the sum. (Infinity may be valid for logits: exp(-inf) is 0.)
        if name != MASKS and np.isnan(values.sum(dtype=np.float64)):
            raise ModelBroken(f"model {model.id}: output {name!r} is not a number on this device")


def choose_precision(wanted: str, available: Collection[str]) -> str:
    """The precision to compute with; "auto" is bf16 if the hardware supports it, else fp32, and never int8, which
    changes too many boxes to be a default.

    available: the PRECISIONS that the hardware supports. Raises PrecisionUnavailable.
    """
    if wanted == "auto":
        return "bf16" if "bf16" in available else "fp32"
    if wanted not in PRECISIONS:
        raise PrecisionUnavailable(f"there is no precision {wanted!r}; known are: auto, {', '.join(PRECISIONS)}")
    if wanted not in available:
        raise PrecisionUnavailable(f"this device does not compute in {wanted}; it has: {', '.join(sorted(available))}")
    return wanted


def line_of(error: Exception, position: int = 0) -> str:
    """One line of a library's error: by default the first; the class name when there is no text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[position] if lines else type(error).__name__
