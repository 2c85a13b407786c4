"""ONNX Runtime: on CPUs, and on NVIDIA GPUs with the package onnxruntime-gpu. The only file that imports it.

The preprocessing of uint8 images is part of the graph, so that a quarter of the bytes is sent to a GPU.
"""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from contracts.errors import EngineUnavailable
from contracts.models.catalogue import Model
from detector.engine import IMAGE_INPUT, Engine, EngineConfig, EngineInfo, image_shape
from detector.engines.cpu_name import cpu_name
from detector.engines.onnx_graph import prepared
from detector.tensors import Image, Outputs, Shapes

# Values of DETECTOR_DEVICE, best first. TensorRT is used only when named, since it compiles a model for minutes.
_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_UNASKED = ("cuda", "cpu")
_GPU_BATCH = 8
_WARNINGS_AND_WORSE = 2


class OnnxRuntimeEngine(Engine):
    """See detector.engine.Engine."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._device, self._number = _device(config.device)
        self._shape = (0, 0, 0)
        self._batch = 1
        self._session: Any = None
        self._feeds: dict[str, Any] = {}
        # Two runs in parallel: near its end a run uses few threads, and the next one uses the others.
        self._runs = ThreadPoolExecutor(2, "onnxruntime")
        self.warm_up_images = 2

    def precisions(self) -> set[str]:
        return {"fp32", "int8", "f16"} if self._device == "tensorrt" else {"fp32", "int8"}

    def load(self, model: Model, path: Path) -> Shapes:
        self._shape = image_shape(model)
        content, fixed_batch = prepared(path, model)
        self._batch = self._size_of_batch(fixed_batch)
        self._session = self._open(content)
        self._feeds = {name: np.array([values] * self._batch, np.int64) for name, values in model.feeds.items()}
        return {item.name: _shape(item.shape) for item in self._session.get_outputs()}

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        waiting: deque[tuple[int, Future[list[Outputs]]]] = deque()
        batches = self._batches(images)
        try:
            for count, batch in batches:
                finished = waiting.popleft() if len(waiting) == 2 else None
                waiting.append((count, self._runs.submit(self._run, batch)))
                if finished:
                    yield from finished[1].result()[: finished[0]]
            while waiting:
                count, future = waiting.popleft()
                yield from future.result()[:count]
        finally:
            for _, future in waiting:  # the generator was closed: their errors are irrelevant
                future.exception()

    def describe(self) -> EngineInfo:
        name = f"{self._device}:{self._number}" if self._device != "cpu" else cpu_name()
        return EngineInfo("onnxruntime", ort.__version__, name, _PROVIDERS[self._device], self.precision)

    def _batches(self, images: Iterable[Image]) -> Iterable[tuple[int, Any]]:
        """Batches of images: their number, and [batch, height, width, 3], padded with black images."""
        source = iter(images)
        for first in source:
            batch = np.zeros((self._batch, *self._shape), np.uint8)
            count = 0
            for image in chain((first,), islice(source, self._batch - 1)):
                batch[count] = image
                count += 1
            yield count, batch

    def _run(self, batch: Any) -> list[Outputs]:
        names = list(self.output_names.values())
        if self._device == "cpu":
            arrays = self._session.run(names, {IMAGE_INPUT: batch, **self._feeds})
        else:
            arrays = self._bound(names, batch)
        whole = dict(zip(names, arrays, strict=True))
        if self._batch == 1:  # absent in some graphs
            return [self.by_role(whole)]
        parts = ({name: array[number] for name, array in whole.items()} for number in range(self._batch))
        return [self.by_role(part) for part in parts]

    def _bound(self, names: list[str], batch: Any) -> list[Any]:
        """The outputs of a batch, computed on the device; only outputs that the head reads are copied back."""
        binding = self._session.io_binding()
        for name, values in {IMAGE_INPUT: batch, **self._feeds}.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(values, "cuda", self._number))
        for name in names:
            binding.bind_output(name, "cuda", self._number)
        self._session.run_with_iobinding(binding)
        return list(binding.copy_outputs_to_cpu())

    def _provider_options(self) -> dict[str, str]:
        match self._device:
            case "cuda":  # TF32 would be less precise than fp32
                return {"device_id": str(self._number), "use_tf32": "0"}
            case "tensorrt":
                half = "1" if self.precision == "f16" else "0"
                return {"device_id": str(self._number), "trt_fp16_enable": half}
        return {}

    def _size_of_batch(self, fixed: int) -> int:
        """Batch size: one on a CPU, where larger ones are no faster, and that of the graph if it is fixed."""
        if self._device == "cpu":
            return 1
        return fixed or self.config.batch or _GPU_BATCH

    def _open(self, content: bytes) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.config.threads
        options.log_severity_level = _WARNINGS_AND_WORSE + 1
        # Spinning threads would take CPU time from decoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        name = _PROVIDERS[self._device]
        wanted: list[Any] = [(name, self._provider_options())]
        if self._device != "cpu":
            wanted.append(_PROVIDERS["cpu"])  # for the few operations without a GPU implementation
        session = ort.InferenceSession(content, options, providers=wanted)
        if session.get_providers()[0] != name:  # it falls back silently
            raise EngineUnavailable(
                f"onnxruntime cannot start {name}: its libraries (CUDA, cuDNN, TensorRT) are missing or of another "
                "version; install them, or set DETECTOR_DEVICE=cpu"
            )
        return session


def _device(wanted: str) -> tuple[str, int]:
    """Device and its number. Raises EngineUnavailable with the available ones."""
    there = [device for device, provider in _PROVIDERS.items() if provider in ort.get_available_providers()]
    name, _, number = wanted.lower().partition(":")
    if not name:
        return next(device for device in _UNASKED if device in there), 0
    if name not in there or not (number or "0").isdecimal():
        raise EngineUnavailable(
            f"onnxruntime has no device {wanted!r} here; it has: {', '.join(there)}; set DETECTOR_DEVICE, or install "
            "onnxruntime-gpu for cuda and tensorrt"
        )
    return name, int(number or 0)


def _shape(shape: list[Any]) -> tuple[int | None, ...]:
    """A shape of the graph; named and missing lengths are known at run time only."""
    return tuple(length if isinstance(length, int) else None for length in shape)
