"""Figures: how full the batches are, and what the engine makes of a device compared with the model alone and with the
usual one-by-one call."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from contracts.results.codec import Detections, encode_block, pack
from detector import heads
from detector.engine import check_finite
from detector.engines.torch_common import SCORE_FLOOR
from detector.tensors import Image
from detector.view import view
from tests.support.models import torch_models
from tools.gpu_check.report import Outcome
from tools.gpu_check.subjects import Subject, synchronize, wrapped

# On a GPU. On a CPU the sizes are too small for a figure to mean anything, and it passes when it runs.
LEAST_FILL = 0.95
LEAST_BUSY = 0.85
LEAST_OF_MODEL = 0.9
LEAST_OF_ONE_BY_ONE = 1.0
_CHUNK = 240


def occupancy(subject: Subject, folder: Path) -> Outcome:
    """How many frames a batch has of those that it may have, and for how much of the time the network computes."""
    engine = subject.engine(folder, "auto")
    _consumed(subject, engine)
    size = engine._batches.size
    sizes: list[int] = []
    busy = [0.0]

    def measured(network: Any) -> Callable[..., Any]:
        def call(frames: list[torch.Tensor], *, masks: bool) -> Any:
            synchronize(subject.device)
            began = time.perf_counter()
            found = network(frames, masks=masks)
            synchronize(subject.device)
            busy[0] += time.perf_counter() - began
            sizes.append(len(frames))
            return found

        return call

    with wrapped(engine, measured):
        seconds = _timed(subject, lambda: _consumed(subject, engine))
    figures = {
        "model": subject.label,
        "batch": size,
        "fill": round(sum(sizes) / (len(sizes) * size), 3),
        "busy": round(busy[0] / seconds, 3),
    }
    return _judged(subject, figures, {"fill": LEAST_FILL, "busy": LEAST_BUSY})


def service_like(subject: Subject, folder: Path) -> Outcome:
    """Frames a second of all that a detector does behind its decoder, over those of the model alone, whose frames are
    on the device already and whose outputs stay there."""
    engine = subject.engine(folder, "auto")
    alone = _model_alone(subject, engine)
    rates = _interleaved(subject, {"service_like": lambda: _consumed(subject, engine), "model_only": alone})
    ratio = round(rates["service_like"] / rates["model_only"], 3)
    figures = {"model": subject.label, "precision": engine.precision, "frames_per_second": rates, "ratio": ratio}
    return _judged(subject, figures, {"ratio": LEAST_OF_MODEL})


def one_by_one(subject: Subject, folder: Path) -> Outcome:
    """Frames a second of the engine, over those of its library as its examples call it: a frame at a time, in fp32,
    scaled on the CPU where the library does so."""
    engines = {"engine_fp32": subject.engine(folder, "fp32"), "engine_auto": subject.engine(folder, "auto")}
    calls = {name: partial(_consumed, subject, engine) for name, engine in engines.items()}
    rates = _interleaved(subject, {**calls, "one_by_one": _one_by_one(subject)})
    figures = {
        "model": subject.label,
        "auto": engines["engine_auto"].precision,
        "frames_per_second": rates,
        "ratio_fp32": round(rates["engine_fp32"] / rates["one_by_one"], 3),
        "ratio_auto": round(rates["engine_auto"] / rates["one_by_one"], 3),
    }
    return _judged(subject, figures, {"ratio_fp32": LEAST_OF_ONE_BY_ONE})


def _judged(subject: Subject, figures: dict[str, Any], least: dict[str, float]) -> Outcome:
    """Passed where each figure is at least what it should be."""
    below = [
        f"{name} is {figures[name]}, less than {wanted}" for name, wanted in least.items() if figures[name] < wanted
    ]
    if not subject.on_gpu:
        return Outcome(True, figures)
    return Outcome(not below, {**figures, "least": least}, "; ".join(below))


def _frames(subject: Subject) -> Iterator[Image]:
    """A round of frames as decoders give them: each written over the one before."""
    images = subject.images()
    buffer = np.empty_like(images[0])
    for number in range(subject.frames):
        buffer[:] = images[number % len(images)]
        yield buffer


def _consumed(subject: Subject, engine: Any) -> None:
    """A round of frames through the engine, to the bytes of their chunks."""
    model = subject.model()
    head, shown = heads.get(model), view(model, subject.size)
    found: list[Detections] = []
    for outputs in engine.infer(_frames(subject)):
        check_finite(model, outputs)
        found.append(head.decode(outputs, model, shown, SCORE_FLOOR, None))
        if len(found) == _CHUNK:
            encode_block(pack(0, range(len(found)), found))
            found.clear()
    encode_block(pack(0, range(len(found)), found))


def _model_alone(subject: Subject, engine: Any) -> Callable[[], None]:
    batches = engine._batches
    there = [torch.from_numpy(image).to(subject.device) for image in subject.images()]
    dtype = batches._dtype

    def call() -> None:
        autocast = nullcontext() if dtype is None else torch.autocast(torch.device(subject.device).type, dtype)
        with torch.inference_mode(), autocast:
            for at in range(0, subject.frames, batches.size):
                frames = [there[(at + number) % len(there)] for number in range(batches.size)]
                batches._network(frames, masks=False)

    return call


def _one_by_one(subject: Subject) -> Callable[[], None]:
    """As the library's own examples do it."""
    network = torch_models.network(subject.kind).to(subject.device)
    if subject.kind.engine == "detectron2":
        from detectron2.data.transforms import ResizeShortestEdge

        scaling = ResizeShortestEdge([subject.sides[0]] * 2, subject.sides[1])

        def single(image: Image) -> None:
            height, width = image.shape[:2]
            pixels = scaling.get_transform(image).apply_image(image).astype("float32").transpose(2, 0, 1)
            (found,) = network([{"image": torch.as_tensor(pixels), "height": height, "width": width}])
            found["instances"].to("cpu")
    else:
        network.transform.min_size, network.transform.max_size = (subject.sides[0],), subject.sides[1]

        def single(image: Image) -> None:
            pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
            (found,) = network([pixels.to(subject.device)])
            for values in found.values():
                values.cpu()

    def call() -> None:
        with torch.inference_mode():
            for image in _frames(subject):
                single(image)

    return call


def _interleaved(subject: Subject, calls: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Frames a second of each, the median of rounds in which they take turns; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(subject.rounds + 1):
        for name, call in calls.items():
            taken = _timed(subject, call)
            if number:
                seconds[name].append(taken)
    return {name: round(subject.frames / median(taken), 2) for name, taken in seconds.items()}


def _timed(subject: Subject, call: Callable[[], None]) -> float:
    synchronize(subject.device)
    began = time.perf_counter()
    call()
    synchronize(subject.device)
    return time.perf_counter() - began
