"""Known models that are not bundled: entries in known/, data only."""

from pathlib import Path

from contracts.errors import UnknownModel
from contracts.models.catalogue import Model, read_entry


def known_models() -> tuple[Model, ...]:
    """All known models by id."""
    return tuple(read_entry(path) for path in sorted((Path(__file__).parent / "known").glob("*.json")))


def known_model(model_id: str) -> Model:
    """The known model with an id. Raises UnknownModel with the list of ids."""
    models = {model.id: model for model in known_models()}
    if model_id not in models:
        raise UnknownModel(f"no model {model_id!r} is known; known are: {', '.join(models)}")
    return models[model_id]
