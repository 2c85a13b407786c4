"""A job's options, checked against the model that shall run."""

import json
from typing import Any

import msgspec

from contracts import catalogue
from contracts.errors import InvalidOptions
from contracts.messages import Options, from_json


def checked_options(model_id: str, options: dict[str, Any]) -> Options:
    """The options with their defaults. Raises UnknownModel, InvalidOptions."""
    model = catalogue.get(model_id)
    try:
        settled = from_json(options, Options)
    except msgspec.ValidationError as error:
        known = ", ".join(Options.__struct_fields__)
        raise InvalidOptions(f"options: {error}; known are: {known}") from error
    if not 0.01 <= settled.min_score <= 1:
        raise InvalidOptions(f"min_score is {settled.min_score}: give a number from 0.01 to 1")
    if settled.labels is not None:
        if not settled.labels:
            raise InvalidOptions("labels is empty: leave it out to get all labels")
        unknown = [label for label in settled.labels if label not in model.labels]
        if unknown:
            raise InvalidOptions(f"{model_id} has no label {unknown[0]!r}; it has: {', '.join(model.labels)}")
    return settled


def parse_form_options(model: str | None, text: str | None) -> tuple[str | None, dict[str, Any]]:
    """Model and options of a form, whose options are JSON and may name the model.

    Raises InvalidOptions.
    """
    if not text:
        return model, {}
    try:
        options = json.loads(text)
    except ValueError as error:
        raise InvalidOptions(f"options is not JSON: {error}") from None
    if not isinstance(options, dict):
        raise InvalidOptions('options must be a JSON object such as {"min_score": 0.5}')
    named = options.pop("model", None)
    if named is not None and not isinstance(named, str):
        raise InvalidOptions("options: model must be the id of a model")
    return model or named, options
