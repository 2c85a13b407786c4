"""The models that a process has loaded. They stay for as long as it lives."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.models.catalogue import BUNDLED, Model
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.engines.registry import create

log = logging.getLogger(__name__)

# The weights of the models that come along.
BUNDLED_WEIGHTS = Path(__file__).parents[1] / "models"


def weights_path(folder: Path, model: Model, precision: str) -> Path:
    """Where the file of a model for a precision lies: in the folder of models, or among those that come along.

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
        """on_loaded is told what is loaded, each time that something has been."""
        self._folder = folder
        self._config = config
        self._on_loaded = on_loaded
        self._loaded: dict[tuple[str, str, str], Engine] = {}
        self._infos: list[tuple[Model, EngineInfo]] = []

    def get(self, model: Model, precision: str) -> Engine:
        """The engine of a model, ready to run. `describe` tells what "auto" came to.

        Raises ModelBroken, EngineUnavailable, PrecisionUnavailable.
        """
        identity = (model.id, model.digest())
        key = (*identity, precision)
        if key not in self._loaded:
            engine = create(model.engine, self._config)
            engine.setup(model, weights_path(self._folder, model, precision), precision)
            info = engine.describe()
            log.info("model %s is loaded: %s", model.id, info)
            # What "auto" came to may be loaded already, and is then taken instead.
            self._loaded[key] = self._loaded.setdefault((*identity, info.precision), engine)
            self._infos.append((model, info))
            self._on_loaded(self._infos)
        return self._loaded[key]
