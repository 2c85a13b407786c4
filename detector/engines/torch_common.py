"""What the engines on PyTorch share: devices, batches, copies that overlap with computing, and memory that runs out.

A chunk's frames are pulled and copied to the device by the caller's thread while one other thread, the only one
that computes, has the batch before in hand. On a GPU the copies have pinned memory and a stream of their own.
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

# Frames computed together where nothing else is set. On a CPU more are slower per frame.
BATCH_ON_GPU = 8
# No network is asked for detections that score less.
SCORE_FLOOR = 0.05
_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
# What every network gives for a frame, for the head `boxes`.
_OUTPUTS: Shapes = {"boxes": (None, 4), "scores": (None,), "labels": (None,)}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of one frame: boxes [n, 4] as x1, y1, x2, y2 in pixels of the frame, scores [n], labels [n],
    and masks [n, height, width] of bool, or None where there are none."""

    boxes: torch.Tensor
    scores: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor | None = None


class Network(Protocol):
    """A model with its weights on its device."""

    def __call__(self, frames: list[torch.Tensor], *, masks: bool) -> list[Found]:
        """The objects of frames: uint8 [height, width, 3] of one size, in the model's colour order.

        masks False: what makes masks does not run.
        """


class TorchEngine(Engine):
    """See detector.engine.Engine. A subclass builds its library's networks."""

    fixed_input_size = False
    load_errors = ()
    engine: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        # Set up and used by one thread, as what PyTorch keeps by thread is costly to make.
        self._thread = ThreadPoolExecutor(1, "torch")
        self._device = choose_device(config.device)
        self._batches: Batches | None = None

    @abstractmethod
    def build(self, model: Model, path: Path, device: torch.device) -> Network:
        """The network with the weights of the file. Raises ModelBroken."""

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
        if self.precision == "fp32":  # else convolutions on a GPU round to 10 bits
            torch.backends.cudnn.allow_tf32 = False
        network = self.build(model, path, self._device)
        size = self.config.batch or (BATCH_ON_GPU if self._device.type == "cuda" else 1)
        self._batches = Batches(network, self._device, _DTYPES.get(self.precision), size)


def one_ahead(
    thread: ThreadPoolExecutor, batches: Iterable[T], compute: Callable[[T], list[Outputs]]
) -> Generator[Outputs, None, None]:
    """The results of batches, computed by the thread while the next batch is pulled here.

    At its end, however it comes, the thread is idle.
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
    """Frames of one size on the device, or on their way there until `copied`."""

    frames: list[torch.Tensor]
    copied: Any = None


class Batches:
    """Frames in batches through a network."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype | None, size: int) -> None:
        """dtype: to compute in where that is not float32. size: most frames of a batch."""
        self.size = size
        self._network = network
        self._device = device
        self._dtype = dtype
        self._told = False

    def pulled(self, images: Iterable[Image]) -> Iterator[Batch]:
        """Batches of images [height, width, 3], each as soon as it is full. Only images of one size are put
        together: padded to a common one, each would depend on the others."""
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
        """The outputs of each frame. Where memory runs out, this batch and all later ones are smaller.

        Raises EngineUnavailable when it is not enough for one frame.
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
        """None when memory ran out: outside of the handler, nothing holds on to it any more."""
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
        if not self._told:
            log.warning(
                "not enough memory for %d frames of %d x %d at once; from now on it is fewer (DETECTOR_BATCH)",
                len(frames),
                width,
                height,
            )
            self._told = True


class _Copies:
    """The way of frames to the device. A batch's memory is used again by the second batch after it, whose frames
    are pulled when the first is computed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pinned: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
        self._place = 0

    def frame(self, image: Image) -> torch.Tensor:
        """A copy of the image on the device, or on its way there."""
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
        """The frames since the batch before."""
        self._pinned, self._place = self._pinned[::-1], 0
        return Batch(frames, None if self._stream is None else self._stream.record_event())


def choose_device(name: str) -> torch.device:
    """The device of that name, in any case; empty: a GPU where there is one. Raises EngineUnavailable."""
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    wanted = name.lower() or ("cuda" if len(there) > 1 else "cpu")
    if wanted == "cuda" and len(there) > 1:
        return torch.device("cuda:0")
    if wanted not in there:
        raise EngineUnavailable(f"PyTorch has no device {name!r} here; it has: {', '.join(there)}; set DETECTOR_DEVICE")
    return torch.device(wanted)


def precisions(device: torch.device) -> set[str]:
    """The precisions that a device computes in."""
    if device.type != "cuda":
        return {"fp32"}
    with torch.cuda.device(device):
        return {"fp32", "f16"} | ({"bf16"} if torch.cuda.is_bf16_supported(including_emulation=False) else set())


def check_agrees(model: Model, *, channels: str, has_masks: bool) -> None:
    """The catalogue says what the network is: its colour order, and masks if it gives any. Raises ModelBroken."""
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
    """As the head `boxes` reads them."""
    outputs: dict[str, Any] = {
        "boxes": found.boxes.float().cpu().numpy(),
        "scores": found.scores.float().cpu().numpy(),
        "labels": found.labels.float().cpu().numpy(),
    }
    if found.masks is not None:
        outputs[MASKS] = mask_column(_texts(found.masks))
    return outputs


def _texts(masks: torch.Tensor) -> list[bytes]:
    """Masks [n, height, width] of bool as text. Only what holds their ones leaves the device."""
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
