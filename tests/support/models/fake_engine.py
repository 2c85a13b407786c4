"""An engine without an inference library. It passes the same conformance suite as the real ones."""

import json
import zlib
from collections import deque
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from contracts.models.catalogue import Model
from detector import heads
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.tensors import Image, Outputs, Shapes

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


class FakeEngine(Engine):
    """Finds one object in each image; where and which one depends on all of the image's bytes."""

    PRECISIONS: ClassVar[frozenset[str]] = frozenset({"fp32", "bf16"})

    def __init__(self, config: EngineConfig | None = None) -> None:
        super().__init__(config or EngineConfig())

    def precisions(self) -> set[str]:
        return set(self.PRECISIONS)

    def load(self, model: Model, path: Path) -> Shapes:
        return {name: tuple(shape) for name, shape in json.loads(path.read_bytes()).items()}

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        waiting: deque[Outputs] = deque()
        for image in images:
            waiting.append(self._outputs(image))
            if len(waiting) > IN_FLIGHT:
                yield waiting.popleft()
        yield from waiting

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "1", "none", "none", self.precision)

    def _outputs(self, image: Image) -> Outputs:
        outputs = {name: np.zeros(_known(shape), np.float32) for name, shape in self.roles.items()}
        outputs["scores"][answer(image, *_known(self.roles["scores"]))] = SCORE
        return outputs
