"""What the service would refuse of a job or a live stream, found before a video is uploaded for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from web_detector.http_client import Client, ServiceError
from web_detector.types import Model

# From and to, as in api/openapi.yaml.
RANGES = {
    "min_score": (0.01, 1),
    "fps": (0.1, 300),
    "max_fps": (0.01, 1000),
    "minutes": (0.1, 60),
    "keep_days": (0.001, 36500),
}


def labels_of(text: str | None) -> list[str] | None:
    """The labels of an argument like "cat, dog", each once; None for none."""
    labels = (label.strip() for label in (text or "").split(","))
    return list(dict.fromkeys(label for label in labels if label)) or None


def models_of(client: Client) -> list[Model]:
    """The models of the service."""
    return msgspec.convert(client.models(), list[Model])


def check(models: Callable[[], Sequence[Model]], model: str | None, options: Mapping[str, Any]) -> None:
    """Raise ServiceError for a model, a label or a number that the service would refuse.

    models: those that it has; asked where it matters. options: by their names in the API, None where not given.
    """
    for name, (least, most) in RANGES.items():
        value = options.get(name)
        if value is not None and not least <= value <= most:
            raise ServiceError(f"{name} must be from {least:g} to {most:g}, not {value:g}")
    labels = options.get("labels") or ()
    if model is None and not labels:
        return
    known = list(models())
    found = next((one for one in known if (one.default if model is None else one.id == model)), None)
    if found is None and model is None:
        return  # the service knows its default
    if found is None:
        raise ServiceError(f"there is no model {model!r}; the service has: {', '.join(one.id for one in known)}")
    for label in labels:
        if label not in found.labels:
            raise ServiceError(f"{found.id} has no label {label!r}; it has: {', '.join(filter(None, found.labels))}")
