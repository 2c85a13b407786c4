"""The models that a process has loaded. They stay for as long as it lives."""

import logging
from pathlib import Path

from contracts.catalogue import Model
from detector.base import Backend, EngineConfig
from detector.registry import create

log = logging.getLogger(__name__)


class Engines:
    """Backends by model and precision, set up at their first use."""

    def __init__(self, models_dir: Path, config: EngineConfig) -> None:
        self._models_dir = models_dir
        self._config = config
        self._loaded: dict[tuple[str, str], Backend] = {}

    def get(self, model: Model, precision: str) -> Backend:
        """The backend of a model, ready to run. `describe` tells what "auto" came to.

        Raises ModelBroken, EngineUnavailable, PrecisionUnavailable.
        """
        key = (model.id, precision)
        if key not in self._loaded:
            backend = create(model.engine, self._config)
            backend.setup(model, self._models_dir / model.file, precision)
            info = backend.describe()
            log.info(
                "model %s is loaded: %s %s in %s on %s",
                model.id,
                info.engine,
                info.version,
                info.precision,
                info.device,
            )
            # What "auto" came to may be loaded already, and is then taken instead.
            self._loaded[key] = self._loaded.setdefault((model.id, info.precision), backend)
        return self._loaded[key]
