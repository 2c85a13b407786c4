"""The engines by name. An engine's module is imported when the first model needs it."""

import importlib
from dataclasses import dataclass

from contracts.errors import EngineUnavailable
from detector.engine import Engine, EngineConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """One engine.

    factory: "module:class", called with an EngineConfig. install: the command that installs its library.
    files: suffixes of the model files that it loads.
    """

    factory: str
    install: str
    files: tuple[str, ...]


_PIP = "pip install 'web-detector[detector]'"
_TORCH = "tools/install-detectron2 VENV, and DETECTOR_PYTHON=VENV/bin/python"

ENGINES = {
    "openvino": Entry("detector.engines.openvino:OpenVinoEngine", _PIP, (".onnx",)),
    "onnxruntime": Entry("detector.engines.onnxruntime:OnnxRuntimeEngine", _PIP, (".onnx",)),
    "detectron2": Entry("detector.engines.detectron2:Detectron2Engine", _TORCH, (".pth", ".pkl")),
    "torchvision": Entry("detector.engines.torchvision:TorchvisionEngine", _TORCH, (".pth", ".pkl")),
}


def for_files(suffix: str) -> tuple[str, ...]:
    """Names of the engines that load files with that suffix, the default one first."""
    return tuple(name for name, entry in ENGINES.items() if suffix in entry.files)


def create(name: str, config: EngineConfig) -> Engine:
    """Create an engine by name, without a model; `setup` loads one.

    Raises EngineUnavailable: unknown name (with the known ones), a library that cannot be imported (with the
    command that installs it), or no such device.
    """
    entry = ENGINES.get(name)
    if entry is None:
        raise EngineUnavailable(f"there is no engine {name!r}; known engines: {', '.join(ENGINES)}")
    module, _, class_name = entry.factory.partition(":")
    try:
        factory = getattr(importlib.import_module(module), class_name)
    except ImportError as error:
        raise EngineUnavailable(f"engine {name} cannot be imported ({error}); install it: {entry.install}") from error
    engine: Engine = factory(config)
    return engine
