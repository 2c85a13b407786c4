"""Validation of job options against the model."""

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from contracts.errors import InvalidOptions
from contracts.models.catalogue import Model
from contracts.wire.messages import OPTION_LIMITS, Options, from_json


def checked_options(model: Model, options: dict[str, Any]) -> Options:
    """Validate options and fill in the defaults. Raises InvalidOptions, also for unknown names."""
    allowed = ", ".join(Options.__struct_fields__)
    for name in options.keys() - set(Options.__struct_fields__):
        raise InvalidOptions(f"options: unknown field {name!r}; allowed are: {allowed}")
    try:
        settled = from_json(options, Options)
    except msgspec.ValidationError as error:
        raise InvalidOptions(f"options: {error}; allowed are: {allowed}") from error
    for problem in (*_problems(settled), *_label_problems(settled, model), *_mask_problems(settled, model)):
        raise InvalidOptions(problem)
    return settled


def _problems(options: Options) -> Iterator[str]:
    for name, (least, most) in OPTION_LIMITS.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            kind = "whole number" if isinstance(value, int) else "number"
            yield f"{name} is {value}: give a {kind} from {least} to {most}"
    if options.every_n is not None and options.sample_fps is not None:
        yield "every_n and sample_fps exclude each other: give one of them"
    for name, bound in (("start_ms", options.start_ms), ("end_ms", options.end_ms)):
        if bound is not None and not math.isfinite(bound):
            yield f"{name} is {bound}: give a number of milliseconds"
    if options.start_ms is not None and options.end_ms is not None and options.start_ms >= options.end_ms:
        yield f"start_ms ({options.start_ms}) must come before end_ms ({options.end_ms})"
    if options.region is not None:
        x1, y1, x2, y2 = options.region
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            yield "region must be x1, y1, x2, y2 from 0 to 1, with x1 below x2 and y1 below y2"


def _label_problems(options: Options, model: Model) -> Iterator[str]:
    if options.labels is None:
        return
    if not options.labels:
        yield "labels is empty: omit it to get all labels"
    for label in options.labels:
        if not label or label not in model.labels:
            yield f"{model.id} has no label {label!r}; it has: {', '.join(filter(None, model.labels))}"


def _mask_problems(options: Options, model: Model) -> Iterator[str]:
    if options.masks and not model.masks:
        yield f"{model.id} does not support masks: omit masks, or choose a model with masks: true in GET /api/v1/models"


def parse_form_options(model: str | None, text: str | None) -> tuple[str | None, dict[str, Any]]:
    """Model and options of a form. The options are JSON and may contain the model.

    Raises InvalidOptions.
    """
    if not text:
        return model, {}
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidOptions(f"options is not JSON: {error}") from None
    if not isinstance(options, dict):
        raise InvalidOptions('options must be a JSON object such as {"min_score": 0.5}')
    named = options.pop("model", None)
    if named is not None and not isinstance(named, str):
        raise InvalidOptions("options: model must be the id of a model")
    return model or named, options
