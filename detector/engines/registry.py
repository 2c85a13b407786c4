"""Which engine is which class. Names only: an engine is imported when it is asked for."""

import importlib
from dataclasses import dataclass

from contracts.errors import EngineUnavailable
from detector.engine import Backend, EngineConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """factory: "module:class", called with an EngineConfig. install: the command that brings the engine."""

    factory: str
    install: str


_TORCH = "tools/install-detectron2 VENV, and DETECTOR_PYTHON=VENV/bin/python"

ENGINES = {
    "openvino": Entry("detector.engines.openvino:OpenVinoBackend", "pip install 'web-detector[detector]'"),
    "onnxruntime": Entry("detector.engines.onnxruntime:OnnxRuntimeBackend", "pip install 'web-detector[detector]'"),
    "detectron2": Entry("detector.engines.detectron2:Detectron2Backend", _TORCH),
    "torchvision": Entry("detector.engines.torchvision:TorchvisionBackend", _TORCH),
}


def create(engine: str, config: EngineConfig) -> Backend:
    """A backend of that engine, not set up yet.

    Raises EngineUnavailable: with the list of the known engines, or with the command that
    installs the one that cannot be imported.
    """
    entry = ENGINES.get(engine)
    if entry is None:
        raise EngineUnavailable(f"there is no engine {engine!r}; known are: {', '.join(ENGINES)}")
    module, _, name = entry.factory.partition(":")
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise EngineUnavailable(f"engine {engine} cannot be imported ({error}); install it: {entry.install}") from error
    backend: Backend = factory(config)
    return backend
