"""What a process has loaded and how fast that is, as its registration says."""

from collections.abc import Callable, Sequence

from contracts.models.catalogue import Model
from contracts.workers.registration import Loaded
from detector.engine import EngineInfo


class Published:
    """publish: called with all loaded models after each load, and at each `again`. speed: frames per second of a model,
    0 where it was not measured."""

    def __init__(self, publish: Callable[[Sequence[Loaded]], None], speed: Callable[[str], float]) -> None:
        self._publish, self._speed = publish, speed
        self._infos: Sequence[tuple[Model, EngineInfo]] = ()

    def set(self, infos: Sequence[tuple[Model, EngineInfo]]) -> None:
        """See detector.engines.loaded.Engines."""
        self._infos = infos
        self.again()

    def again(self) -> None:
        """The speeds have changed."""
        self._publish([self._entry(model, info) for model, info in self._infos])

    def _entry(self, model: Model, info: EngineInfo) -> Loaded:
        fps = self._speed(model.id)
        return Loaded(model.id, info.engine, info.version, info.device, info.provider, info.precision, fps)
