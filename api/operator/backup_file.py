"""The file format of backups: a tar archive with a checksum of every member, suitable for pipes.

Members, in this order: `manifest.json`; `tables/NAME.jsonl`, one row per line; `storage/KEY`; `home/PATH`, files in
DATA_DIR (embedded mode); and `end.json`, the SHA-256 of each member. A truncated archive lacks `end.json`.
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
    """format: version of the file format. revision: of the tables. made_at: ISO 8601. tables: row counts by table."""

    format: int
    revision: str
    made_at: str
    tables: dict[str, int]


class Writer:
    """Writes the members. `close` completes the archive."""

    def __init__(self, sink: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=cast(IO[bytes], _Counted(sink)), mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums: dict[str, str] = {}

    def add(self, name: str, source: BinaryIO, size: int) -> None:
        """Add a member of `size` bytes. Raises OSError when the source has fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(time.time())
        reader = HashingReader(source)
        self._tar.addfile(info, cast(IO[bytes], reader))
        self._sums[name] = reader.digest()

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a member from memory."""
        self.add(name, io.BytesIO(content), len(content))

    def close(self) -> None:
        """Write the checksums and the end of the archive."""
        self.add_bytes(END, msgspec.json.encode(self._sums))
        self._tar.close()


class _Counted:
    """A sink for tarfile that counts bytes: tarfile calls tell(), which pipes do not support."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self._count = sink, 0

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        self._count += len(data)
        return len(data)

    def tell(self) -> int:
        return self._count


class Reader:
    """Reads the members in order. Raises CorruptData; truncation and damage may show at the end only."""

    def __init__(self, source: BinaryIO) -> None:
        try:
            self._tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115
            self._members = self._raw()
            name, content = next(self._members)
        except (tarfile.TarError, StopIteration) as error:
            raise CorruptData("the file is not a backup") from error
        if name != MANIFEST:
            raise CorruptData("the file is not a backup: it does not begin with a manifest")
        self._sums = {}
        data = content.read()
        self._sums[name] = content.digest()
        try:
            self.manifest = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as error:
            raise CorruptData(f"the backup's manifest cannot be read: {error}") from error
        if self.manifest.format > FORMAT:
            raise CorruptData(f"the backup has format version {self.manifest.format}: restore it with a newer release")

    def members(self) -> Iterator[tuple[str, "HashingReader"]]:
        """Name and content of the members after the manifest. Read each before asking for the next."""
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
            raise CorruptData("the backup is truncated: its end is missing")
        if wrong := sorted(name for name in {*ended, *self._sums} if ended.get(name) != self._sums.get(name)):
            raise CorruptData(f"the backup is damaged: the checksum of {wrong[0]} differs")

    def _raw(self) -> Iterator[tuple[str, "HashingReader"]]:
        for info in self._tar:
            content = self._tar.extractfile(info)
            if content is None:
                raise CorruptData(f"the backup contains {info.name}, which is not a file")
            yield info.name, HashingReader(cast(BinaryIO, content))


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise CorruptData(f"the backup is truncated or damaged: {error}") from error


class HashingReader:
    """A reader that hashes what is read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read like a file. Raises CorruptData for a truncated backup."""
        with _whole():
            data = self._source.read(size)
        self._sum.update(data)
        return data

    def digest(self) -> str:
        """SHA-256 of the bytes read so far."""
        return self._sum.hexdigest()


def line(row: dict[str, Any]) -> bytes:
    """A table row as a line of JSON."""
    return msgspec.json.encode(row) + b"\n"
