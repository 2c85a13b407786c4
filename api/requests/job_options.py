"""Validation of the options of jobs and live streams against the model."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from api.requests.json_document import parse
from api.requests.spec import check, schema
from contracts.errors import InvalidInput, InvalidOptions, Malformed
from contracts.live.streams import StreamOptions
from contracts.models.catalogue import Model
from contracts.wire.messages import Options, from_json

_EVERY_FRAME = ("frames", "all")  # on the wire, and in the tables, it is left out
_CHOOSES = "frames chooses by itself where to look, and fills in all other frames"
_NOT_FILLED = {"every_n": _CHOOSES, "sample_fps": _CHOOSES, "masks": "boxes can be filled in between frames, masks not"}


def checked_options(model: Model, options: dict[str, Any]) -> Options:
    """Validate options, however they came, and fill in the defaults. Raises InvalidOptions."""
    try:
        check(options, schema("Options"), "options")
    except (InvalidInput, Malformed) as error:
        raise InvalidOptions(error.detail) from error
    settled = from_json({name: value for name, value in options.items() if (name, value) != _EVERY_FRAME}, Options)
    _require_sound(settled, model)
    return settled


def checked_stream_options(model: Model, options: StreamOptions) -> StreamOptions:
    """The options of a stream, which the spec's schema has passed. Raises InvalidOptions."""
    _require_sound(options.as_job(), model)
    return options


def _require_sound(options: Options, model: Model) -> None:
    for problem in chain(_problems(options), _label_problems(options, model), _mask_problems(options, model)):
        raise InvalidOptions(problem)


def _problems(options: Options) -> Iterator[str]:
    if options.every_n is not None and options.sample_fps is not None:
        yield "every_n and sample_fps exclude each other: give one of them"
    if options.frames:
        for name, why in _NOT_FILLED.items():
            if getattr(options, name):
                yield f"frames: {options.frames} and {name} exclude each other: {why}. Leave out one of them"
    if options.start_ms is not None and options.end_ms is not None and options.start_ms >= options.end_ms:
        yield f"start_ms ({options.start_ms}) must come before end_ms ({options.end_ms})"
    if options.region is not None:
        x1, y1, x2, y2 = options.region
        if not (x1 < x2 and y1 < y2):
            yield "region must be x1, y1, x2, y2 from 0 to 1, with x1 below x2 and y1 below y2"


def _label_problems(options: Options, model: Model) -> Iterator[str]:
    known = dict.fromkeys(filter(None, model.labels))
    for label in options.labels or ():
        if label not in known:
            yield f"{model.id} has no label {label!r}; it has: {', '.join(known)}"


def _mask_problems(options: Options, model: Model) -> Iterator[str]:
    if options.masks and not model.masks:
        yield f"{model.id} does not support masks: omit masks, or choose a model with masks: true in GET /api/v1/models"


def parse_form_options(model: str | None, text: str | None) -> tuple[str | None, dict[str, Any]]:
    """Model and options of a form. The options are JSON and may contain the model; `checked_options` comes next.

    Raises InvalidOptions.
    """
    if not text:
        return model, {}
    try:
        options = parse(text.encode(), "options")
    except Malformed as error:
        raise InvalidOptions(error.detail) from error
    if not isinstance(options, dict):
        raise InvalidOptions('options must be a JSON object such as {"min_score": 0.5}')
    named = options.pop("model", None)
    if named is not None and not isinstance(named, str):
        raise InvalidOptions("options: model must be the id of a model")
    return model or named, options
