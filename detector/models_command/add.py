"""`models add`: adds a model file to the catalogue."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from contracts.errors import InvalidInput, ModelBroken
from contracts.models.catalogue import BUNDLED, LABEL_SETS, Model
from detector.engine import EngineConfig
from detector.engines.registry import for_files
from detector.models_command import photo_trial
from detector.models_command.entry_draft import Draft, draft, sketch
from detector.models_command.first_look import look
from detector.models_command.known_models import known_model
from detector.models_command.models_folder import Folder, copy
from detector.models_command.onnx_inspect import Graph, inspect

Say = Callable[[str], None]
_TEXTS = ("title", "licence", "source", "accuracy", "accuracy_source", "pool")


@dataclass(frozen=True, kw_only=True)
class Request:
    """said: fields of the catalogue entry set by options. like: id of a known model that provides the others."""

    file: Path
    model_id: str | None = None
    like: str | None = None
    said: dict[str, Any] = field(default_factory=dict)
    replace: bool = False
    photos: Sequence[Path] = photo_trial.PHOTOS


def add(request: Request, folder: Folder, config: EngineConfig, say: Say) -> Model:
    """Inspect a model file, run it on photographs, and install it.

    Raises ModelBroken, InvalidInput, EngineUnavailable.
    """
    model_id = request.model_id or request.like or _id_from(request.file)
    check_free(folder, model_id, replacing=request.replace)
    if not request.file.is_file():
        raise InvalidInput(f"there is no file {request.file}")
    known = _said_by(known_model(request.like)) if request.like else {}
    graph = inspect(request.file)
    texts = {"title": model_id, "licence": "not stated", "source": "not stated", "accuracy": "not stated"}
    names = {"id": model_id, "engine": for_files(".onnx")[0], "file": f"{model_id}.onnx"}
    said = {**texts, **known, **names, **request.said}
    sketched = sketch(graph, said)
    with folder.staged(sketched.file) as part:
        sha256, size = copy(request.file, part)
        said |= {"sha256": sha256, "size_bytes": size}
        seen = look(graph, replace(sketched, sha256=sha256), part, config, request.photos)
        proposal = draft(graph, said, sketched, seen)
        for line in _found(request.file, graph, proposal):
            say(line)
        result = photo_trial.run(proposal.model, part, config, photos=request.photos)
        for line in photo_trial.lines(proposal.model, result):
            say(line)
        folder.publish(proposal.model, part)
    return proposal.model


def check_free(folder: Folder, model_id: str, *, replacing: bool) -> None:
    """Raises InvalidInput where a model of that id exists, unless it is to be replaced."""
    taken = model_id in BUNDLED or (folder.path / f"{model_id}.json").exists()
    if taken and not replacing:
        raise InvalidInput(f"model {model_id} exists already: choose another --id, or use --replace")


def labels_from(text: str) -> tuple[str, ...]:
    """Labels by the name of a set, or from a file with one per line; an empty line is an unused class."""
    if text in LABEL_SETS:
        return LABEL_SETS[text]
    try:
        lines = Path(text).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"--labels {text}: neither a readable file of labels nor one of {', '.join(LABEL_SETS)}: {error}"
        ) from error
    return tuple(line.strip() for line in lines)


def _said_by(model: Model) -> dict[str, Any]:
    """The fields that a known entry sets for another file; the others follow from the file."""
    return {name: getattr(model, name) for name in (*_TEXTS, "channels", "mean", "std", "fit", "labels")}


def _found(file: Path, graph: Graph, proposal: Draft) -> list[str]:
    """Lines that show the file's contents and its entry, with the reason for each guessed field."""
    model = proposal.model
    options = model.head_options
    changed = [name for name in options.__struct_fields__ if getattr(options, name) != getattr(type(options)(), name)]
    labels = f"{len(model.labels)}: {', '.join(model.labels[:3])}, ..."
    shown = {
        "engine": model.engine,
        "input_size": f"{model.input_size[0]} x {model.input_size[1]}" if model.input_size else "any",
        "head": model.head,
        "head_options": ", ".join(f"{name} {getattr(options, name)}".lower() for name in changed) or "none",
        "labels": next((f"{name}" for name, known in LABEL_SETS.items() if known == model.labels), labels),
        "channels": model.channels,
        "mean": _numbers(model.mean),
        "std": _numbers(model.std),
        "fit": model.fit,
    }
    if model.feeds:
        shown["feeds"] = ", ".join(f"{name}={_numbers(value)}" for name, value in model.feeds.items())
    lines = [f"{file.name}: {graph.image} -> {', '.join(map(str, graph.outputs))}"]
    for name, value in shown.items():
        why = f"  (guessed: {proposal.guessed[name]})" if name in proposal.guessed else ""
        lines.append(f"  {name:<12}  {value}{why}")
    return lines


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)


def _id_from(file: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")[:64]
    if not name:
        raise ModelBroken(f"cannot derive a model id from {file.name}: use --id")
    return name
