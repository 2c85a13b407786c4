"""Runs a model on photographs before jobs can use it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from contracts.errors import InvalidInput, ModelBroken
from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector import heads
from detector.decode.frames import ToImage
from detector.engine import Engine, EngineConfig, EngineInfo, check_finite
from detector.engines.registry import create
from detector.tensors import Outputs
from detector.view import view
from media.orientation import Orientation

PHOTOS = tuple(sorted((Path(__file__).parent / "photos").glob("*.jpg")))
SEEN = 0.3
_LEAST = 0.01
_MOST_SHOWN = 5
# Tolerance for scores slightly above 1 by rounding.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Sight:
    """Detections in a photograph of this size (width, height), best first."""

    name: str
    size: tuple[int, int]
    found: Detections


@dataclass(frozen=True, slots=True)
class Trial:
    """info: engine and device. seconds: fastest time for one photograph."""

    info: EngineInfo
    sights: tuple[Sight, ...]
    seconds: float

    def best(self) -> float:
        """The highest score."""
        return max((float(sight.found.score[0]) for sight in self.sights if len(sight.found.score)), default=0.0)


def run(
    model: Model, path: Path, config: EngineConfig, precision: str = "auto", photos: Sequence[Path] = PHOTOS
) -> Trial:
    """Set the model up and run it on the photographs.

    path: the model file. Raises ModelBroken for invalid outputs, InvalidInput for an unreadable photograph,
    EngineUnavailable, PrecisionUnavailable.
    """
    frames = [(photo.name, picture(photo)) for photo in photos]
    head = heads.get(model)
    engine = create(model.engine, config)
    engine.setup(model, path, precision)
    meant = {number for number, label in enumerate(model.labels) if label}
    sights, times = [], []
    for name, frame in frames:
        size = (frame.width, frame.height)
        began = time.monotonic()
        outputs = outputs_of(model, engine, frame)
        times.append(time.monotonic() - began)
        check_finite(model, outputs)
        with np.errstate(all="ignore"):  # invalid outputs are judged below
            found = head.decode(outputs, model, view(model, size), _LEAST, meant)
        sights.append(Sight(name, size, found))
    trial = Trial(engine.describe(), tuple(sights), min(times))
    _judge(model, trial)
    return trial


def picture(path: Path) -> VideoFrame:
    """The first image of a file. Raises InvalidInput."""
    try:
        with av.open(str(path)) as container:
            return next(iter(container.decode(video=0)))
    except (OSError, av.error.FFmpegError, StopIteration, IndexError) as error:
        raise InvalidInput(f"{path} cannot be read as an image: {error}") from error


def outputs_of(model: Model, engine: Engine, frame: VideoFrame) -> Outputs:
    """The outputs of the model for a frame, by role."""
    image = ToImage(Orientation(), view(model, (frame.width, frame.height)), model.channels)(frame)
    (outputs,) = engine.infer([image])
    return outputs


def _judge(model: Model, trial: Trial) -> None:
    """Raises ModelBroken for detections that cannot come from a working detector."""
    if trial.best() > 1 + _ROUNDING:
        raise ModelBroken(
            f"model {model.id} gives scores up to {trial.best():.3g}, outside 0 to 1: use another --head or "
            "--activation (sigmoid, softmax)"
        )
    boxes = np.concatenate([sight.found.box[: _shown(sight)] for sight in trial.sights])
    if len(boxes) and np.all((boxes[:, 2] - boxes[:, 0] < 1) | (boxes[:, 3] - boxes[:, 1] < 1)):
        raise ModelBroken(
            f"model {model.id}: all boxes are outside the photographs or smaller than a pixel: check the units "
            "(--units, --decoded), the order (--box) and the head (--head)"
        )


def _shown(sight: Sight) -> int:
    return int(np.count_nonzero(sight.found.score >= SEEN)) or _MOST_SHOWN


def summary(trial: Trial) -> str:
    """Engine, device and speed as text."""
    info = trial.info
    version = info.version.partition("-")[0]
    return f"{info.engine} {version} on {info.device}, {info.precision}, {trial.seconds:.2f} s a picture"


def lines(model: Model, trial: Trial) -> list[str]:
    """A trial as text, one line per photograph, with a warning if nothing was detected."""
    said = [f"tried with {summary(trial)}"]
    width = max(len(sight.name) for sight in trial.sights)
    said += [f"  {sight.name:<{width}}  {_sight(model, sight)}" for sight in trial.sights]
    if trial.best() < SEEN:
        said.append(
            f"WARNING: nothing was found with a score of {SEEN} or more. If the model is for other objects, test it "
            "with a photo of them (--photo FILE); otherwise check --channels, --mean, --std and --fit"
        )
    return said


def _sight(model: Model, sight: Sight) -> str:
    found = sight.found
    items = [
        f"{model.labels[class_id]} {score:.2f} [{' '.join(f'{edge:.0f}' for edge in box)}]"
        for class_id, score, box in zip(found.class_id, found.score, found.box, strict=True)
        if score >= SEEN
    ]
    more = f" and {len(items) - _MOST_SHOWN} more" if len(items) > _MOST_SHOWN else ""
    if items:
        return ", ".join(items[:_MOST_SHOWN]) + more
    if not len(found.score):
        return "nothing"
    return f"nothing; the best: {model.labels[found.class_id[0]]} {found.score[0]:.2f}"
