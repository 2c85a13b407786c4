"""Writes the models folder: weights first, then the catalogue entry, each atomically."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import InvalidInput, ModelBroken, UnknownModel
from contracts.models.catalogue import BUNDLED, Catalogue, Model, read_entry, write_entry
from contracts.settings.table import Settings
from detector.engines.loaded import weights_path

_READABLE = 0o644
_FOLDER = 0o755
_BLOCK = 1 << 20


class Folder:
    """The models folder. Raises InvalidInput when it cannot be written."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.models_path
        # DATA_DIR is created readable by its owner only.
        self._data = None if settings.models_dir else Path(settings.data_dir)
        self.catalogue = Catalogue(self.path)

    def ready(self) -> None:
        """Create the folder if needed."""
        try:
            if self._data is not None:
                self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                self.path.chmod(_FOLDER)
        except OSError as error:
            raise InvalidInput(f"the models folder {self.path} cannot be used: {error.strerror}") from error

    @contextmanager
    def staged(self, name: str) -> Iterator[Path]:
        """A temporary path for a file of that name; removed at the end, unless it was published."""
        self.ready()
        try:
            folder = tempfile.TemporaryDirectory(prefix=".adding-", dir=self.path)
        except OSError as error:
            raise InvalidInput(f"the models folder {self.path} cannot be written: {error.strerror}") from error
        with folder as place:
            yield Path(place) / name

    def publish(self, model: Model, weights: Path, precision: str = "auto") -> None:
        """Install the weights of a model for a precision, and its entry.

        weights: a file in this folder. Raises InvalidInput when another model has a file of that name.
        """
        name, sha256 = model.weights(precision)
        target = self.path / name
        if target.exists() and hash_of(target) != sha256:
            users = [other.id for other in self.installed() if name in files(other) and other.id != model.id]
            if users:
                raise InvalidInput(f"{target} belongs to {', '.join(users)}: rename the file")
        _settle(weights, target)
        self.write(model)

    def write(self, model: Model) -> None:
        """Write the entry of a model to <id>.json."""
        with self.staged(f"{model.id}.json") as part:
            part.write_bytes(write_entry(model))
            _settle(part, self.path / f"{model.id}.json")

    def remove(self, model_id: str) -> list[Path]:
        """Remove a model: its entry, then files that no other entry names. Returns the removed files.

        Raises InvalidInput for a bundled model, UnknownModel. Of an unreadable entry only the entry is removed.
        """
        path = self.path / f"{model_id}.json"
        if "/" in model_id or not path.is_file():
            if model_id in BUNDLED:
                raise InvalidInput(f"{model_id} is bundled with the service and cannot be removed")
            known = ", ".join(model.id for model in self.installed()) or "none"
            raise UnknownModel(f"there is no model {model_id!r} in {self.path}; there are: {known}")
        try:
            names = files(read_entry(path))
        except ModelBroken:
            names = ()
        path.unlink()
        kept = {name for other in self.installed() for name in files(other)}
        gone = [path]
        for name in names:
            if name not in kept and (self.path / name).is_file():
                (self.path / name).unlink()
                gone.append(self.path / name)
        return gone

    def installed(self) -> list[Model]:
        """The models with an entry in the folder."""
        return [model for model in self.catalogue.all() if (self.path / f"{model.id}.json").is_file()]

    def broken(self) -> dict[str, str]:
        """Problems of unreadable entries, by id."""
        wrong = {}
        for path in sorted(self.path.glob("*.json")):
            try:
                read_entry(path)
            except ModelBroken as error:
                wrong[path.stem] = error.detail
        return wrong

    def missing(self, model: Model) -> bool:
        """Whether a file of the model is missing."""
        kinds = ("fp32", "int8") if model.int8_file else ("fp32",)
        return not all(weights_path(self.path, model, precision).is_file() for precision in kinds)


def files(model: Model) -> tuple[str, ...]:
    """The names of all files of a model."""
    return (model.file,) if model.int8_file is None else (model.file, model.int8_file)


def hash_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file; returns sha256 and size of the copy."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            size += len(block)
            writer.write(block)
    return digest.hexdigest(), size


def _settle(part: Path, target: Path) -> None:
    """Move the file to its name: synced to disk before, and readable by the users of all roles."""
    with part.open("rb") as content:
        os.fchmod(content.fileno(), _READABLE)
        os.fsync(content.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
