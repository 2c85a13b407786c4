"""Common code of the PyTorch engines: devices, batches, copies that overlap with inference, out-of-memory handling.

The caller's thread pulls the frames of a chunk and copies them to the device, while a single inference thread computes
the previous batch. On a GPU the copies use pinned memory and their own stream.
"""

import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import torch

from contracts.errors import EngineUnavailable, ModelBroken
from contracts.models.catalogue import Model
from contracts.results.codec import mask_column
from detector import masks_rle
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.engines.cpu_name import cpu_name
from detector.tensors import MASKS, Image, Outputs, Shapes

log = logging.getLogger(__name__)

# Default batch size on a GPU. On a CPU larger batches are slower per frame.
BATCH_ON_GPU = 8
# Minimum score requested from networks.
SCORE_FLOOR = 0.05
_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
# Outputs of every network per frame, for the head `boxes`.
_OUTPUTS: Shapes = {"boxes": (None, 4), "scores": (None,), "labels": (None,)}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of one frame: boxes [n, 4] as x1, y1, x2, y2 in pixels of the frame, scores [n], labels [n],
    and masks [n, height, width] of bool, or None."""

    boxes: torch.Tensor
    scores: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor | None = None


class Network(Protocol):
    """A model with weights, on its device."""

    def __call__(self, frames: list[torch.Tensor], *, masks: bool) -> list[Found]:
        """The objects of frames: uint8 [height, width, 3] of equal size, in the model's colour order.

        masks: False skips the mask branch.
        """


class TorchEngine(Engine):
    """See detector.engine.Engine. A subclass builds its library's networks."""

    fixed_input_size = False
    load_errors = ()
    engine: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        # Loaded and used in one thread, since state that PyTorch keeps per thread is costly to create.
        self._thread = ThreadPoolExecutor(1, "torch")
        self._device = choose_device(config.device)
        self._batches: Batches | None = None

    @abstractmethod
    def build(self, model: Model, path: Path, device: torch.device) -> Network:
        """Build the network with the weights of the file. Raises ModelBroken."""

    def precisions(self) -> set[str]:
        return precisions(self._device)

    def load(self, model: Model, path: Path) -> Shapes:
        self._thread.submit(self._load, model, path).result()
        return _OUTPUTS

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        if self._batches is None:
            raise RuntimeError("run before load")
        batches = self._batches
        yield from one_ahead(self._thread, batches.pulled(images), lambda batch: batches.computed(batch, masks=masks))

    def describe(self) -> EngineInfo:
        version = f"{self.version} with PyTorch {torch.__version__}"
        return EngineInfo(self.engine, version, _device_name(self._device), self._device.type, self.precision)

    def _load(self, model: Model, path: Path) -> None:
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        if self.precision == "fp32":  # otherwise convolutions on a GPU round to 10 bits (TF32)
            torch.backends.cudnn.allow_tf32 = False
        network = self.build(model, path, self._device)
        size = self.config.batch or (BATCH_ON_GPU if self._device.type == "cuda" else 1)
        self._batches = Batches(network, self._device, _DTYPES.get(self.precision), size)


def one_ahead(
    thread: ThreadPoolExecutor, batches: Iterable[T], compute: Callable[[T], list[Outputs]]
) -> Generator[Outputs, None, None]:
    """The outputs of batches, computed in the thread while the caller pulls the next batch.

    When the generator ends or is closed, the thread is idle.
    """
    running: deque[Future[list[Outputs]]] = deque()
    try:
        for batch in batches:
            running.append(thread.submit(compute, batch))
            if len(running) > 1:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        for future in running:
            future.cancel()
        wait(running)


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames of equal size on the device. copied: event after which the copies are complete, None if they are."""

    frames: list[torch.Tensor]
    copied: Any = None


class Batches:
    """Runs frames through a network in batches."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype | None, size: int) -> None:
        """dtype: of autocast, None for float32. size: maximum batch size."""
        self.size = size
        self._network = network
        self._device = device
        self._dtype = dtype
        self._warned = False

    def pulled(self, images: Iterable[Image]) -> Iterator[Batch]:
        """Group images [height, width, 3] into batches. Images of different size are not batched together: padding them
        to a common size would make their results depend on each other."""
        copies = _Copies(self._device)
        frames: list[torch.Tensor] = []
        for image in images:
            if frames and frames[0].shape != image.shape:
                yield copies.batch(frames)
                frames = []
            frames.append(copies.frame(image))
            if len(frames) >= self.size:
                yield copies.batch(frames)
                frames = []
        if frames:
            yield copies.batch(frames)

    def computed(self, batch: Batch, *, masks: bool) -> list[Outputs]:
        """The outputs of each frame. When memory runs out, this batch and all later ones are halved.

        Raises EngineUnavailable when there is not enough memory for one frame.
        """
        if batch.copied is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(batch.copied)
            for frame in batch.frames:
                frame.record_stream(stream)
        done: list[Outputs] = []
        while len(done) < len(batch.frames):
            part = batch.frames[len(done) : len(done) + self.size]
            outputs = self._outputs(part, masks)
            if outputs is None:
                self._shrink(part)
            else:
                done += outputs
        return done

    def _outputs(self, frames: list[torch.Tensor], masks: bool) -> list[Outputs] | None:
        """None when memory ran out. The caller retries outside of the handler, where the traceback no longer holds
        memory."""
        try:
            with torch.inference_mode(), self._autocast():
                return [_outputs(found) for found in self._network(frames, masks=masks)]
        except torch.OutOfMemoryError:
            return None

    def _autocast(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._dtype is None else torch.autocast(self._device.type, self._dtype)

    def _shrink(self, frames: list[torch.Tensor]) -> None:
        height, width = frames[0].shape[:2]
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if len(frames) == 1:
            raise EngineUnavailable(
                f"{_device_name(self._device)} has not enough free memory for one frame of {width} x {height} pixels: "
                "end what else uses it, or take a smaller model or a region"
            )
        self.size = len(frames) // 2
        if not self._warned:
            log.warning(
                "not enough memory for %d frames of %d x %d at once; from now on it is fewer (DETECTOR_BATCH)",
                len(frames),
                width,
                height,
            )
            self._warned = True


class _Copies:
    """Copies frames to the device. Two sets of pinned buffers alternate: a batch's buffers are reused by the second
    batch after it, which is pulled only when the first one has been computed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pinned: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
        self._place = 0

    def frame(self, image: Image) -> torch.Tensor:
        """Start the copy of an image to the device."""
        pixels = torch.from_numpy(image)
        if self._stream is None:
            return pixels.clone()
        buffers, place = self._pinned[0], self._place
        if place == len(buffers) or buffers[place].shape != pixels.shape:
            buffers[place:] = [torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)]
        self._place += 1
        with torch.cuda.stream(self._stream):
            return buffers[place].copy_(pixels).to(self._device, non_blocking=True)

    def batch(self, frames: list[torch.Tensor]) -> Batch:
        """A batch of the frames copied since the previous one."""
        self._pinned, self._place = self._pinned[::-1], 0
        return Batch(frames, None if self._stream is None else self._stream.record_event())


def choose_device(name: str) -> torch.device:
    """The device of a name (case-insensitive); empty: a GPU if there is one. Raises EngineUnavailable."""
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    wanted = name.lower() or ("cuda" if len(there) > 1 else "cpu")
    if wanted == "cuda" and len(there) > 1:
        return torch.device("cuda:0")
    if wanted not in there:
        raise EngineUnavailable(f"PyTorch has no device {name!r} here; it has: {', '.join(there)}; set DETECTOR_DEVICE")
    return torch.device(wanted)


def precisions(device: torch.device) -> set[str]:
    """The precisions that a device supports."""
    if device.type != "cuda":
        return {"fp32"}
    with torch.cuda.device(device):
        return {"fp32", "f16"} | ({"bf16"} if torch.cuda.is_bf16_supported(including_emulation=False) else set())


def check_agrees(model: Model, *, channels: str, has_masks: bool) -> None:
    """Check that the catalogue entry agrees with the network: colour order, masks. Raises ModelBroken."""
    if model.input_size is not None:
        raise ModelBroken(
            f"model {model.id}: engine {model.engine} takes frames of any size and scales them itself: set input_size "
            "to null (sides says to what)"
        )
    if model.channels != channels:
        raise ModelBroken(f"model {model.id}: {model.config} takes {channels}, the catalogue says {model.channels}")
    if model.masks and not has_masks:
        raise ModelBroken(f"model {model.id}: {model.config} gives no masks, the catalogue says that it does")


def _outputs(found: Found) -> Outputs:
    """Outputs for the head `boxes`."""
    outputs: dict[str, Any] = {
        "boxes": found.boxes.float().cpu().numpy(),
        "scores": found.scores.float().cpu().numpy(),
        "labels": found.labels.float().cpu().numpy(),
    }
    if found.masks is not None:
        outputs[MASKS] = mask_column(_texts(found.masks))
    return outputs


def _texts(masks: torch.Tensor) -> list[bytes]:
    """Encode masks [n, height, width] of bool as RLE texts. Only the bounding box of each mask leaves the device."""
    height, width = masks.shape[1:]
    rows, columns = masks.any(dim=2).cpu().numpy(), masks.any(dim=1).cpu().numpy()
    texts = []
    for mask, row, column in zip(masks, rows, columns, strict=True):
        ys, xs = np.flatnonzero(row), np.flatnonzero(column)
        top, bottom, left, right = (ys[0], ys[-1] + 1, xs[0], xs[-1] + 1) if len(ys) else (0, 1, 0, 1)
        bits = mask[top:bottom, left:right].cpu().numpy()
        texts.append(masks_rle.encode(bits, (width, height), int(left), int(top)))
    return texts


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return cpu_name()
