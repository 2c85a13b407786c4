"""What is checked: models by chance, the frames that they get, and how many, by the kind of device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace

from contracts.models.catalogue import Model
from detector.engine import EngineConfig
from detector.engines import registry
from detector.tensors import Image
from tests.support.models import torch_models
from tests.support.models.torch_models import FASTER, SIDES, SMALL_FASTER, Kind

HAS_DETECTRON2 = find_spec("detectron2") is not None
# R50-FPN, as Detectron2's Faster R-CNN is, where that is not there.
_SHAPED_LIKE_IT = Kind("torchvision", "fasterrcnn_resnet50_fpn")


@dataclass(frozen=True)
class Subject:
    """kind: of model. sides: what its frames are scaled to. size: (width, height) of the frames. batch: of the engine,
    0 for its own choice. frames: how many go through it in a round. rounds: how often each figure is taken."""

    device: str
    kind: Kind
    sides: tuple[int, int]
    size: tuple[int, int]
    batch: int
    frames: int
    rounds: int

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def label(self) -> str:
        """What its figures are of."""
        return f"{self.kind.engine} {self.kind.config}, {self.size[0]}x{self.size[1]} scaled to {self.sides[0]}"

    def images(self) -> list[Image]:
        """As many different frames as two batches have."""
        return torch_models.noise(16, self.size)

    def model(self, path: Path | None = None) -> Model:
        """The entry for a file of weights."""
        return replace(self.kind.model(path), sides=self.sides)

    def engine(self, folder: Path, precision: str, batch: int | None = None) -> Any:
        """Set up with weights by chance."""
        path = folder / f"{self.kind.engine}.pth"
        if not path.exists():
            torch_models.write(self.kind, path)
        made = registry.create(self.kind.engine, EngineConfig(self.device, 0, self.batch if batch is None else batch))
        made.setup(self.model(path), path, precision)
        return made


def subject_on(device: str) -> Subject:
    """On a GPU the size of real use; on a CPU as small as still shows that the check itself works."""
    if device.startswith("cuda"):
        kind = FASTER if HAS_DETECTRON2 else _SHAPED_LIKE_IT
        return Subject(device, kind, (800, 1333), (1280, 720), 0, 160, 5)
    return Subject(device, SMALL_FASTER, SIDES, (120, 90), 4, 16, 2)


def synchronize(device: str) -> None:
    """Wait until the device has computed everything."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@contextmanager
def wrapped(engine: Any, wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Another network around that of an engine."""
    batches = engine._batches
    network = batches._network
    batches._network = wrap(network)
    try:
        yield
    finally:
        batches._network = network
