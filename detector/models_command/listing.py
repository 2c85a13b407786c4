"""`models list` and `models verify`."""

from collections.abc import Sequence
from typing import Any

from contracts.errors import UnknownModel, WebDetectorError
from contracts.models.catalogue import BUNDLED, Model
from detector.engine import EngineConfig, check_file
from detector.engines.loaded import weights_path
from detector.models_command import photo_trial
from detector.models_command.add import Say
from detector.models_command.known_models import known_models
from detector.models_command.models_folder import Folder

_HEADINGS = ("ID", "STATE", "ENGINE", "INPUT", "LICENCE", "ACCURACY")


def rows(folder: Folder) -> list[dict[str, Any]]:
    """All models: usable ones, those with a broken entry, and known ones."""
    there = folder.catalogue.all()
    found = [_row(model, "file missing" if folder.missing(model) else "installed") for model in there]
    found += [
        {"id": model_id, "state": "broken entry", "problem": problem} for model_id, problem in folder.broken().items()
    ]
    taken = {row["id"] for row in found}
    for model in known_models():
        if model.id not in taken:
            found.append(_row(model, "ready to pull" if model.url else "to be added"))
    return found


def table(found: Sequence[dict[str, Any]]) -> list[str]:
    """Rows as lines of text."""
    cells = [_HEADINGS, *(_cells(row) for row in found)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in cells
    ]


def verify(model_ids: Sequence[str], folder: Folder, config: EngineConfig, say: Say) -> list[str]:
    """Compare the files with their entries and run each model. Returns the ids of broken ones."""
    entries = {model.id: model for model in folder.catalogue.all()}
    wrong = folder.broken()
    for model_id in model_ids:
        if model_id not in entries and model_id not in wrong:
            raise UnknownModel(f"there is no model {model_id!r}; there are: {', '.join(entries)}")
    chosen = model_ids or [*entries, *(model_id for model_id in wrong if model_id not in entries)]
    broken = []
    for model_id in chosen:
        problem = wrong.get(model_id) or _problem(entries[model_id], folder, config, say)
        if problem:
            broken.append(model_id)
            say(f"{model_id}: BROKEN: {problem}")
    return broken


def _problem(model: Model, folder: Folder, config: EngineConfig, say: Say) -> str:
    """The problem of a model; empty without one."""
    try:
        for precision in ("auto", *(("int8",) if model.int8_file else ())):
            path = weights_path(folder.path, model, precision)
            check_file(model, path, precision)
            result = photo_trial.run(model, path, config, precision)
            say(f"{model.id}: well, {photo_trial.summary(result)}")
    except WebDetectorError as error:
        return error.detail
    return ""


def _row(model: Model, state: str) -> dict[str, Any]:
    return {
        "id": model.id,
        "state": state,
        "engine": model.engine,
        "input_size": model.input_size,
        "licence": model.licence,
        "accuracy": model.accuracy,
        "accuracy_source": model.accuracy_source,
        "title": model.title,
        "source": model.source,
        "bundled": model.id in BUNDLED,
        "pool": model.pool,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "problem" in row:
        return row["id"], row["state"], "", "", "", row["problem"]
    size = "any" if row["input_size"] is None else f"{row['input_size'][0]}x{row['input_size'][1]}"
    source = f" ({row['accuracy_source']})" if row["accuracy_source"] else ""
    return row["id"], row["state"], row["engine"], size, row["licence"], row["accuracy"] + source
