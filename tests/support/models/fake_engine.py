"""An engine without an inference library. It passes the same conformance suite as the real ones."""

import json
import zlib
from collections import deque
from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np

from contracts.errors import ModelBroken
from contracts.models.catalogue import Model
from detector import heads
from detector.engine import EngineInfo, Image, Outputs, check_file, check_outputs, choose_precision

IN_FLIGHT = 3
SCORE = 0.9


def write_model(path: Path, model: Model, without: str = "") -> Path:
    """A model file for the fake: the shapes of its outputs."""
    shapes = heads.get(model).shapes(model)
    path.write_text(json.dumps({name: shape for name, shape in shapes.items() if name != without}))
    return path


def answer(image: Image, cells: int, classes: int) -> tuple[int, int]:
    """Cell and class of the one object that the fake sees in an image."""
    checksum = zlib.crc32(image.tobytes())
    return checksum % cells, checksum // cells % classes


def _known(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(length or 0 for length in shape)


class FakeEngine:
    """Sees one object in each image, where and what depends on all of its bytes."""

    precisions: tuple[str, ...] = ("fp32", "bf16")

    def setup(self, model: Model, path: Path, precision: str) -> None:
        self._precision = choose_precision(precision, self.precisions)
        check_file(model, path, self._precision)
        try:
            found = {name: tuple(shape) for name, shape in json.loads(path.read_bytes()).items()}
        except ValueError as error:
            raise ModelBroken(f"model {model.id}: {path} is no model of the fake") from error
        self._shapes = heads.get(model).shapes(model)
        check_outputs(model, self._shapes, found)

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        waiting: deque[Outputs] = deque()
        for image in images:
            waiting.append(self._outputs(image))
            if len(waiting) > IN_FLIGHT:
                yield waiting.popleft()
        yield from waiting

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "1", "none", "none", self._precision)

    def _outputs(self, image: Image) -> Outputs:
        outputs = {name: np.zeros(_known(shape), np.float32) for name, shape in self._shapes.items()}
        outputs["scores"][answer(image, *_known(self._shapes["scores"]))] = SCORE
        return outputs
