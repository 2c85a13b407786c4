"""Files with secrets: readable by their owner only, and complete or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file of mode 0600. It takes its name, and the place of an older one, when it is complete and on disk;
    after an error there is what was there before.

    It is written under a new, random name: in a folder that others can write to, they cannot have put a file or a link
    there that would receive the secrets.
    """
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield cast(BinaryIO, sink)
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(part, path)
        _sync(path.parent)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Flush the name of the file to disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
