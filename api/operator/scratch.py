"""Files of a backup in the making: as large as all tables, and with their secrets."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self, cast


class Scratch:
    """Unnamed files in a folder, each by a name that only this process knows: nobody who shares the folder can read
    them, and they end with the process. A context; without a folder that can be written, they are the system's
    temporary ones, which in a container are memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if folder is not None and os.access(folder, os.W_OK) else None
        self._files: dict[str, BinaryIO] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def create(self, name: str) -> BinaryIO:
        """An empty file."""
        file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  (__exit__ closes it)
        self._files[name] = self._open.enter_context(file)
        return file

    def read(self, name: str) -> BinaryIO:
        """The file, from its beginning; it stays open. Raises KeyError."""
        file = self._files[name]
        file.seek(0)
        return file

    def size(self, name: str) -> int:
        """Bytes that were written."""
        return self._files[name].seek(0, os.SEEK_END)

    def names(self, prefix: str) -> list[str]:
        """Names of files, in order."""
        return sorted(name for name in self._files if name.startswith(prefix))
