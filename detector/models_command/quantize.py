"""`models quantize`: makes an int8 file of a model, calibrated with the user's videos."""

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from msgspec.structs import replace
from numpy.typing import NDArray
from onnxruntime import quantization

from contracts.errors import InvalidInput, ModelBroken
from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector import heads
from detector.decode.frames import ToImage
from detector.engine import EngineConfig, check_file
from detector.engines.loaded import weights_path
from detector.engines.onnx_graph import image_input
from detector.engines.registry import create
from detector.heads.nms import ious
from detector.models_command.add import Say
from detector.models_command.models_folder import Folder, hash_of
from detector.tensors import Image
from detector.view import View, view
from media.orientation import Orientation

# Nearly all computation is in these; the rest is fast and partly needs float precision.
_OPERATIONS = ["Conv", "MatMul", "Gemm"]
_LEAST_SCORE = 0.35
_LEAST_OVERLAP = 0.5
_ALIKE = 0.9
_NO_LONGER_ITSELF = 0.5


@dataclass(frozen=True, kw_only=True)
class Request:
    """frames: maximum number of calibration frames of all videos."""

    model_id: str
    videos: Sequence[Path]
    frames: int = 100


@dataclass(frozen=True, slots=True)
class Agreement:
    """matched, total: boxes of both files with a counterpart (same label, IoU of at least 0.5), and all boxes.
    score_change: mean difference of their scores. seconds: per image, of both."""

    matched: int
    total: int
    score_change: float
    seconds: tuple[float, float]

    @property
    def share(self) -> float:
        return self.matched / self.total if self.total else 1.0


def quantize(request: Request, folder: Folder, config: EngineConfig, say: Say) -> tuple[Model, Agreement]:
    """Make the int8 file of a model, compare it with the original, and add it to the entry.

    Raises UnknownModel, ModelBroken, InvalidInput, EngineUnavailable.
    """
    model = folder.catalogue.get(request.model_id)
    source = weights_path(folder.path, model, "auto")
    if not model.file.endswith(".onnx"):
        raise InvalidInput(f"the file of {model.id} is not ONNX, and only ONNX files can be quantized")
    check_file(model, source, "auto")
    pictures = list(_pictures(model, request))
    if not pictures:
        raise InvalidInput("the videos contain no readable frame")
    say(f"calibrating {model.id} with {len(pictures)} frames")
    name = f"{Path(model.file).stem}-int8.onnx"
    with folder.staged(name) as part:
        _convert(model, source, part, [image for image, _ in pictures])
        made = replace(model, int8_file=name, int8_sha256=hash_of(part))
        found = _compared(made, source, part, pictures, config)
        if found.share < _NO_LONGER_ITSELF:
            raise ModelBroken(
                f"model {model.id}: only {found.matched} of {found.total} boxes are the same in int8, with "
                f"{model.engine}; it is not entered: other videos, more frames, or another engine may do better"
            )
        folder.publish(made, part, "int8")
    return made, found


def lines(model: Model, agreement: Agreement) -> list[str]:
    """The outcome as text."""
    before, after = agreement.seconds
    said = [
        f"{agreement.matched} of {agreement.total} boxes ({agreement.share:.1%}) are found by both, fp32 and int8; "
        f"their scores differ by {agreement.score_change:.3f} on average",
        f"{1000 * before:.1f} ms a frame in fp32, {1000 * after:.1f} ms in int8, with {model.engine}",
        f"added: {model.int8_file}; use it: PRECISION=int8",
    ]
    if agreement.share < _ALIKE:
        said.append(f"WARNING: less than {_ALIKE:.0%} of the boxes are the same: measure it on your own videos first")
    return said


def compare(found: Sequence[Detections], other: Sequence[Detections], seconds: tuple[float, float]) -> Agreement:
    """Compare two results for the same images; boxes are matched in both directions."""
    matched, changes = 0, []
    for a, b in zip(found, other, strict=True):
        for one, two in ((a, b), (b, a)):
            for number in range(len(one.score)):
                same = np.flatnonzero(two.class_id == one.class_id[number])
                shares = ious(one.box[number], two.box[same])
                if len(shares) and shares.max() >= _LEAST_OVERLAP:
                    matched += 1
                    changes.append(abs(float(one.score[number] - two.score[same[shares.argmax()]])))
    total = sum(len(item.score) for item in (*found, *other))
    return Agreement(matched, total, float(np.mean(changes)) if changes else 0.0, seconds)


def _pictures(model: Model, request: Request) -> Iterator[tuple[Image, View]]:
    """Evenly spaced frames of the videos as input images of the model."""
    each = max(1, request.frames // len(request.videos))
    for path in request.videos:
        try:
            with av.open(str(path)) as container:
                step = max(1, -(-container.streams.video[0].frames // each))
                taken = 0
                for number, frame in enumerate(container.decode(video=0)):
                    if number % step == 0 and taken < each:
                        taken += 1
                        shown = view(model, (frame.width, frame.height))
                        yield ToImage(Orientation(), shown, model.channels)(frame), shown
        except (OSError, av.error.FFmpegError, IndexError) as error:
            raise InvalidInput(f"{path} cannot be read as a video: {error}") from error


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Feeds images one at a time in the format of the graph's input."""

    def __init__(self, model: Model, source: Path, images: Sequence[Image]) -> None:
        port = image_input(onnx.load(str(source), load_external_data=False).graph, model)
        self._name = port.name
        self._type = onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
        self._planes = port.type.tensor_type.shape.dim[3].dim_value != 3
        self._model = model
        self._images = iter(images)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        image = next(self._images, None)
        if image is None:
            return None
        model = self._model
        values: NDArray[Any] = image.astype(np.float32)
        if self._type != np.uint8:
            values = (values - np.array(model.mean, np.float32)) / np.array(model.std, np.float32)
        values = values.transpose(2, 0, 1) if self._planes else values
        feeds = {name: np.array([constants], np.int64) for name, constants in model.feeds.items()}
        return {self._name: np.ascontiguousarray(values[None].astype(self._type)), **feeds}


def _convert(model: Model, source: Path, target: Path, images: Sequence[Image]) -> None:
    """Quantize the graph. Raises ModelBroken when the library fails."""
    folded = target.with_name("folded.onnx")
    logging.getLogger().setLevel(logging.ERROR)  # the library recommends preprocessing, which is done here
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantization.quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(folded),
                str(target),
                _Reader(model, source, images),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATIONS,
                nodes_to_exclude=_after_concat(folded),
                per_channel=True,
                reduce_range=True,  # hardware with 16-bit accumulators would overflow with 8 bits
            )
    except Exception as error:  # errors of the library have no common class
        raise ModelBroken(f"model {model.id} cannot be quantized: {error}") from error


def _after_concat(path: Path) -> list[str]:
    """Nodes that read a concatenation: OpenVINO 2026.4 computes them wrongly in int8."""
    graph = onnx.load(str(path), load_external_data=False).graph
    joined = {name for node in graph.node if node.op_type == "Concat" for name in node.output}
    return [node.name for node in graph.node if joined.intersection(node.input)]


def _compared(
    model: Model, source: Path, target: Path, pictures: Sequence[tuple[Image, View]], config: EngineConfig
) -> Agreement:
    found, times = [], []
    for path, precision in ((source, "fp32"), (target, "int8")):
        engine = create(model.engine, config)
        engine.setup(model, path, precision)
        head = heads.get(model)
        meant = {number for number, label in enumerate(model.labels) if label}
        began = time.monotonic()
        outputs = list(engine.infer(image for image, _ in pictures))
        times.append((time.monotonic() - began) / len(pictures))
        found.append(
            [
                head.decode(item, model, shown, _LEAST_SCORE, meant)
                for item, (_, shown) in zip(outputs, pictures, strict=True)
            ]
        )
    return compare(found[0], found[1], (times[0], times[1]))
