"""Models loaded by a process; they stay loaded until it ends."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.models.catalogue import BUNDLED, Model
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.engines.registry import create

log = logging.getLogger(__name__)

# Weights of the bundled models.
BUNDLED_WEIGHTS = Path(__file__).parents[1] / "models"


def weights_path(folder: Path, model: Model, precision: str) -> Path:
    """Path of the model file for a precision: in MODELS_DIR, or bundled.

    Raises ModelBroken when the model has none for it.
    """
    name, _ = model.weights(precision)
    path = folder / name
    return BUNDLED_WEIGHTS / name if model.id in BUNDLED and not path.exists() else path


class Engines:
    """Engines by model and precision, set up at their first use."""

    def __init__(
        self,
        folder: Path,
        config: EngineConfig,
        on_loaded: Callable[[Sequence[tuple[Model, EngineInfo]]], None] = lambda _: None,
    ) -> None:
        """on_loaded: called with all loaded models after each load."""
        self._folder = folder
        self._config = config
        self._on_loaded = on_loaded
        self._loaded: dict[tuple[str, str, str], Engine] = {}
        self._infos: list[tuple[Model, EngineInfo]] = []

    def get(self, model: Model, precision: str) -> Engine:
        """The engine of a model, ready to run. `describe` has the precision chosen by "auto".

        Raises ModelBroken, EngineUnavailable, PrecisionUnavailable.
        """
        identity = (model.id, model.digest())
        key = (*identity, precision)
        if key not in self._loaded:
            engine = create(model.engine, self._config)
            engine.setup(model, weights_path(self._folder, model, precision), precision)
            info = engine.describe()
            log.info("model %s is loaded: %s", model.id, info)
            # Reuse the engine if the precision chosen by "auto" is already loaded.
            self._loaded[key] = self._loaded.setdefault((*identity, info.precision), engine)
            self._infos.append((model, info))
            self._on_loaded(self._infos)
        return self._loaded[key]
