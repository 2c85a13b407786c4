"""`models pull`: downloads a known model from its project."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from contracts.errors import EngineUnavailable, InvalidInput, ModelBroken, UnknownModel
from contracts.models.catalogue import BUNDLED, Model
from detector.engine import EngineConfig
from detector.models_command import photo_trial
from detector.models_command.add import Say, check_free
from detector.models_command.download import OnProgress, discard, download
from detector.models_command.known_models import known_model, known_models
from detector.models_command.models_folder import Folder, hash_of


@dataclass(frozen=True, kw_only=True)
class Request:
    """sha256: hash of the file if the entry has none. url: mirror to download from. untried: skip the test run, if the
    engine is not installed."""

    model_id: str
    sha256: str = ""
    url: str = ""
    untried: bool = False
    replace: bool = False
    photos: Sequence[Path] = photo_trial.PHOTOS


def pull(
    request: Request, folder: Folder, config: EngineConfig, say: Say, on_progress: OnProgress = lambda done, total: None
) -> Model:
    """Download, verify, test, and install a model.

    Raises UnknownModel, InvalidInput, ImportFailed, ModelBroken, EngineUnavailable.
    """
    model = _entry(request, folder)
    url = request.url or model.url
    if not url:
        raise InvalidInput(
            f"{model.id} cannot be pulled: {model.source}. If you have the file: "
            f"web-detector models add FILE.onnx --like {model.id}"
        )
    model = replace(model, sha256=_trusted(model, request.sha256))
    folder.ready()
    part = folder.path / f".pulling-{model.file}"
    say(f"downloading {url}")
    download(url, part, model.size_bytes, on_progress)
    found = hash_of(part)
    if found != model.sha256:
        discard(part)
        raise ModelBroken(f"{url} has sha256 {found}, expected {model.sha256}: it is another file and was deleted")
    model = replace(model, size_bytes=part.stat().st_size)
    with folder.staged(model.file) as staged:
        part.replace(staged)
        discard(part)
        _try(model, staged, request, config, say)
        folder.publish(model, staged)
    return model


def _entry(request: Request, folder: Folder) -> Model:
    """A known model, or one with an entry but without its file."""
    model_id = request.model_id
    installed = {model.id: model for model in folder.installed()}
    if model_id in installed and folder.missing(installed[model_id]):
        return installed[model_id]
    if model_id in BUNDLED:
        raise InvalidInput(f"{model_id} is bundled with the service: there is nothing to pull")
    try:
        model = known_model(model_id)
    except UnknownModel:
        known = ", ".join(model.id for model in known_models() if model.url)
        raise UnknownModel(f"{model_id!r} cannot be pulled; models that can be pulled: {known}") from None
    check_free(folder, model_id, replacing=request.replace)
    return model


def _trusted(model: Model, given: str) -> str:
    """The expected hash: that of the entry, else the given one. Never computed from the download."""
    given = given.lower()
    if given and not re.fullmatch(r"[0-9a-f]{64}", given):
        raise InvalidInput("--sha256 takes the 64 hexadecimal digits that sha256sum prints")
    if model.sha256 and given not in ("", model.sha256):
        raise InvalidInput(f"--sha256 {given} differs from the sha256 in the entry of {model.id}, {model.sha256}")
    if not (model.sha256 or given):
        raise InvalidInput(
            f"the sha256 of the file of {model.id} is unknown: give it with --sha256, from a copy that you trust "
            f"(sha256sum FILE) or from its publisher ({model.source})"
        )
    return model.sha256 or given


def _try(model: Model, path: Path, request: Request, config: EngineConfig, say: Callable[[str], None]) -> None:
    try:
        result = photo_trial.run(model, path, config, photos=request.photos)
    except EngineUnavailable as error:
        if not request.untried:
            raise EngineUnavailable(
                f"{error.detail}; to install it without a test run, for hosts that have the engine: --untried"
            ) from error
        say(f"WARNING: no test run: {error.detail}")
        return
    for line in photo_trial.lines(model, result):
        say(line)
