"""OpenVINO: the engine for CPUs. The only file that imports it.

Requests are run by hand, in a ring. The library's own queue with Python callbacks can hang when
its model is dropped: it joins threads that wait for the interpreter's lock.
"""

from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from contracts.catalogue import Model
from contracts.errors import EngineUnavailable, ModelBroken
from detector import heads
from detector.base import (
    EngineConfig,
    EngineInfo,
    Image,
    Outputs,
    check_file,
    check_finite,
    check_outputs,
    choose_precision,
)

_HINTS = {"fp32": "f32", "bf16": "bf16", "f16": "f16"}
_CAPABILITIES = {"FP32": "fp32", "BF16": "bf16", "FP16": "f16"}


class OpenVinoBackend:
    """See detector.base.Backend."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._core: Any = ov.Core()
        self._shape: tuple[int, ...] = ()
        self._precision = ""
        self._compiled: Any = None
        self._ring: list[Any] = []

    def setup(self, model: Model, path: Path, precision: str) -> None:
        self._precision = choose_precision(precision, self._available())
        check_file(model, path)
        self._shape = (model.input_size[1], model.input_size[0], 3)
        try:
            graph = self._core.read_model(path)
            graph.reshape([1, 3, *self._shape[:2]])  # a free batch dimension costs a quarter of the speed
            found = {name: tuple(port.shape)[1:] for port in graph.outputs for name in port.get_names()}
            check_outputs(model, heads.get(model.head).shapes(model), found)
            self._compiled = self._core.compile_model(_with_input(graph, model), self._config.device, self._options())
        except RuntimeError as error:
            raise ModelBroken(f"model {model.id}: {path} cannot be compiled: {_first_line(error)}") from error
        count = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") + 1
        self._ring = [self._compiled.create_infer_request() for _ in range(count)]
        for outputs in self.infer(np.full(self._shape, 114, np.uint8) for _ in self._ring):
            check_finite(model, outputs)

    def infer(self, images: Iterable[Image]) -> Generator[Outputs, None, None]:
        # Position i of the ring computes image i, i + n, i + 2n ...
        started = finished = 0
        try:
            for image in images:
                outputs = None
                if started - finished == len(self._ring):
                    outputs = self._finish(finished)
                    finished += 1
                self._start(started, image)
                started += 1
                if outputs is not None:
                    yield outputs
            while finished < started:
                outputs = self._finish(finished)
                finished += 1
                yield outputs
        finally:
            for number in range(finished, started):
                # Whoever closed us does not want to hear of these; the next use must find them idle.
                with suppress(RuntimeError):
                    self._ring[number % len(self._ring)].wait()

    def describe(self) -> EngineInfo:
        name = self._core.get_property(self._config.device, "FULL_DEVICE_NAME")
        return EngineInfo("openvino", ov.__version__, name, self._precision)

    def _start(self, number: int, image: Image) -> None:
        if image.shape != self._shape:
            raise ValueError(f"an image of shape {image.shape} was given to a model for {self._shape}")
        request = self._ring[number % len(self._ring)]
        # Into the request's own memory: the image need not outlive this call.
        request.get_input_tensor().data[0] = image
        request.start_async()

    def _finish(self, number: int) -> Outputs:
        request = self._ring[number % len(self._ring)]
        request.wait()
        # Copies: the request's memory is about to be written again.
        return {
            name: request.get_output_tensor(position).data[0].copy()
            for position, port in enumerate(self._compiled.outputs)
            for name in port.get_names()
        }

    def _available(self) -> set[str]:
        """The precisions that the device computes in."""
        try:
            capabilities = self._core.get_property(self._config.device, "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            devices = ", ".join(self._core.available_devices) or "none"
            raise EngineUnavailable(
                f"openvino has no device {self._config.device!r} here; it has: {devices}; set DETECTOR_DEVICE"
            ) from error
        return {_CAPABILITIES[name] for name in capabilities if name in _CAPABILITIES}

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": _HINTS[self._precision],
        }
        if self._config.device == "CPU":
            # Pinned, the threads of two processes share one core and leave the others idle.
            options["ENABLE_CPU_PINNING"] = False
            options["INFERENCE_NUM_THREADS"] = self._config.threads
        return options


def _with_input(graph: Any, model: Model) -> Any:
    """The graph with uint8 [1, height, width, 3] as input: what turns it into its own is compiled in."""
    steps = PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(list(model.mean)).scale(list(model.std))
    return steps.build()


def _first_line(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
