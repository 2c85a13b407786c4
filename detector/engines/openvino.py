"""OpenVINO: the engine for CPUs. The only file that imports it.

It runs infer requests itself, in a ring. The library's AsyncInferQueue with Python callbacks can hang when its model is
released: it joins threads that wait for the GIL.
"""

import zipfile
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from contracts.errors import EngineUnavailable, ModelBroken
from contracts.models.catalogue import BUNDLED, Model
from detector.engine import IMAGE_INPUT, Engine, EngineConfig, EngineInfo, image_shape
from detector.tensors import Image, Outputs, Shapes

# In an int8 model, the other operations are computed in fp32.
_HINTS = {"fp32": "f32", "bf16": "bf16", "f16": "f16", "int8": "f32"}
_CAPABILITIES = {"FP32": "fp32", "BF16": "bf16", "FP16": "f16", "INT8": "int8"}
_DEFAULT_DEVICE = "CPU"
# Suffix of files in OpenVINO's own format, packed.
PACKED = ".zip"


class OpenVinoEngine(Engine):
    """See detector.engine.Engine."""

    load_errors = (RuntimeError, ValueError)
    error_line = -1

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._device = config.device.upper() or _DEFAULT_DEVICE
        self._core: Any = ov.Core()
        self._compiled: Any = None
        self._ring: list[Any] = []

    def precisions(self) -> set[str]:
        try:
            capabilities = self._core.get_property(self._device, "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            devices = ", ".join(self._core.available_devices) or "none"
            raise EngineUnavailable(
                f"openvino has no device {self._device!r} here; it has: {devices}; set DETECTOR_DEVICE"
            ) from error
        return {_CAPABILITIES[name] for name in capabilities if name in _CAPABILITIES}

    def load(self, model: Model, path: Path) -> Shapes:
        if BUNDLED.get(model.id) != model and path.suffix != PACKED:  # our own needs no check, which takes 0.2 s
            from detector.engines.onnx_file import read_onnx

            read_onnx(path, model.id)
        graph = _read_packed(self._core, path) if path.suffix == PACKED else self._core.read_model(path)
        image = _image_input(graph, model, image_shape(model))
        shapes = {name: _shape(port) for port in graph.outputs for name in port.get_names()}
        graph = _with_input(graph, model, image)
        self._compiled = self._core.compile_model(graph, self._device, self._options())
        self._ring = [self._request(model) for _ in range(self._ring_size())]
        self.warm_up_images = len(self._ring)
        return shapes

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        # Slot i of the ring computes images i, i + n, i + 2n ...
        started = finished = 0
        source = iter(images)
        outputs: Outputs | None
        try:
            while True:
                if not self.config.ahead and started - finished == len(self._ring):
                    outputs = self._finish(finished)
                    finished += 1
                    yield outputs
                image = next(source, None)
                if image is None:
                    break
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
                # The generator was closed: ignore their errors, and leave them idle for the next use.
                with suppress(RuntimeError):
                    self._ring[number % len(self._ring)].wait()

    def describe(self) -> EngineInfo:
        name = self._core.get_property(self._device, "FULL_DEVICE_NAME")
        return EngineInfo("openvino", ov.__version__, name, self._device.partition(".")[0], self.precision)

    def _ring_size(self) -> int:
        return int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + self.config.ahead

    def _request(self, model: Model) -> Any:
        request = self._compiled.create_infer_request()
        for name, values in model.feeds.items():
            request.set_tensor(name, ov.Tensor(np.array([values], np.int64)))
        return request

    def _start(self, number: int, image: Image) -> None:
        request = self._ring[number % len(self._ring)]
        # Copied into the request's memory, so that the image may be overwritten afterwards.
        request.get_tensor(IMAGE_INPUT).data[0] = image
        request.start_async()

    def _finish(self, number: int) -> Outputs:
        request = self._ring[number % len(self._ring)]
        request.wait()
        return self.by_role({name: request.get_tensor(name).data for name in self.output_names.values()})

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
        }
        if self._device == "CPU":
            # With pinning, threads of two processes would share cores and leave others idle.
            options["ENABLE_CPU_PINNING"] = False
            options["INFERENCE_NUM_THREADS"] = self.config.threads
        return options


def _read_packed(core: Any, path: Path) -> Any:
    """A graph in OpenVINO's own format, whose two files lie in one, so that one hash covers both.

    Raises ValueError for a file that is none.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            weights = np.frombuffer(packed.read("model.bin"), np.uint8)
            return core.read_model(packed.read("model.xml").decode(), ov.Tensor(weights))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"it does not hold the two files of a model: {error}") from error


def _image_input(graph: Any, model: Model, shape: tuple[int, ...]) -> Any:
    """The image input. Sets the shapes of all inputs, since dynamic dimensions cost a quarter of the speed."""
    images = [port for port in graph.inputs if not port.get_names() & model.feeds.keys()]
    if len(images) != 1:
        names = ", ".join(port.get_any_name() for port in images)
        raise ModelBroken(f"model {model.id} has the inputs {names}: all but the one for images must stand in feeds")
    height, width, channels = shape
    nhwc = _shape(images[0])[-1] == channels
    shapes = {images[0]: [1, height, width, channels] if nhwc else [1, channels, height, width]}
    shapes |= {graph.input(name): [1, len(values)] for name, values in model.feeds.items()}
    graph.reshape(shapes)
    graph.input(images[0].get_any_name()).get_node().set_layout(ov.Layout("NHWC" if nhwc else "NCHW"))
    return graph.input(images[0].get_any_name())


def _shape(port: Any) -> tuple[int | None, ...]:
    """The shape of an input or output; None is a length that is known at run time only."""
    return tuple(None if length.is_dynamic else length.get_length() for length in port.partial_shape)


def _with_input(graph: Any, model: Model, image: Any) -> Any:
    """The graph with an input of uint8 [1, height, width, 3] and built-in preprocessing."""
    steps = PrePostProcessor(graph)
    name = image.get_any_name()
    steps.input(name).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input(name).preprocess().convert_element_type(ov.Type.f32).mean(list(model.mean)).scale(list(model.std))
    built = steps.build()
    built.input(name).get_tensor().set_names({IMAGE_INPUT})
    return built
