"""A backup as one file: a tar whose members are checked by their SHA-256, and which says itself where it ends.

Members, in this order: `manifest.json`; `tables/NAME.jsonl`, a row a line; `storage/KEY`; `home/PATH`, files of the
embedded form's DATA_DIR; and `end.json`, the sum of each. It can be written to and read from a pipe.
"""

import hashlib
import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

import msgspec

from contracts.errors import CorruptData

FORMAT = 1
MANIFEST, END = "manifest.json", "end.json"
TABLES, STORAGE, HOME = "tables/", "storage/", "home/"
_PIECE = 1024 * 1024


class Manifest(msgspec.Struct, frozen=True):
    """format: of this file. revision: of the tables. made_at: ISO 8601. tables: rows by table."""

    format: int
    revision: str
    made_at: str
    tables: dict[str, int]


class Writer:
    """Writes the members; `close` makes it whole."""

    def __init__(self, sink: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=cast(IO[bytes], _Counted(sink)), mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums: dict[str, str] = {}

    def add(self, name: str, source: BinaryIO, size: int) -> None:
        """Add a member of so many bytes. Raises OSError where the source ends before."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(time.time())
        reader = HashingReader(source)
        self._tar.addfile(info, cast(IO[bytes], reader))
        self._sums[name] = reader.digest()

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a member that is at hand."""
        self.add(name, io.BytesIO(content), len(content))

    def close(self) -> None:
        """Add the sums, by which a whole backup is told from one that was cut short."""
        self.add_bytes(END, msgspec.json.encode(self._sums))
        self._tar.close()


class _Counted:
    """What a tar is written to: it must tell where it is, which a pipe cannot."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self._count = sink, 0

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        self._count += len(data)
        return len(data)

    def tell(self) -> int:
        return self._count


class Reader:
    """The members one after the other. Raises CorruptData for what is no whole backup, which may show at the end."""

    def __init__(self, source: BinaryIO) -> None:
        try:
            self._tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115
            self._members = self._raw()
            name, content = next(self._members)
        except (tarfile.TarError, StopIteration) as error:
            raise CorruptData("this is no backup") from error
        if name != MANIFEST:
            raise CorruptData("this is no backup: it does not begin with a manifest")
        self._sums = {}
        data = content.read()
        self._sums[name] = content.digest()
        try:
            self.manifest = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as error:
            raise CorruptData(f"the backup's manifest cannot be read: {error}") from error
        if self.manifest.format > FORMAT:
            raise CorruptData(f"the backup is of format {self.manifest.format}: restore it with a newer release")

    def members(self) -> Iterator[tuple[str, "HashingReader"]]:
        """Name and content of the members behind the manifest; each must be read before the next one."""
        ended: dict[str, str] | None = None
        with _whole():
            for name, content in self._members:
                if name == END:
                    ended = msgspec.json.decode(content.read(), type=dict[str, str])
                    continue
                yield name, content
                while content.read(_PIECE):
                    pass
                self._sums[name] = content.digest()
        if ended is None:
            raise CorruptData("the backup is cut short: its end is missing")
        if wrong := sorted(name for name in {*ended, *self._sums} if ended.get(name) != self._sums.get(name)):
            raise CorruptData(f"the backup is damaged: {wrong[0]} is not what was written")

    def _raw(self) -> Iterator[tuple[str, "HashingReader"]]:
        for info in self._tar:
            content = self._tar.extractfile(info)
            if content is None:
                raise CorruptData(f"the backup holds {info.name}, which is no file")
            yield info.name, HashingReader(cast(BinaryIO, content))


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise CorruptData(f"the backup is cut short or damaged: {error}") from error


class HashingReader:
    """Reads, and makes the sum of what was read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As a file does. Raises CorruptData for a backup that ends too early."""
        with _whole():
            data = self._source.read(size)
        self._sum.update(data)
        return data

    def digest(self) -> str:
        """SHA-256 of what was read so far."""
        return self._sum.hexdigest()


def line(row: dict[str, Any]) -> bytes:
    """A row of a table."""
    return msgspec.json.encode(row) + b"\n"
