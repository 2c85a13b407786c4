"""Restore a backup into an empty service: objects while reading, then all rows in one transaction after verification.

The tables are created at the revision of the backup, filled, and then migrated to the current revision.
"""

import base64
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import DateTime, Engine, LargeBinary, MetaData, Table, func, inspect, select
from sqlalchemy.types import JSON, TypeEngine

from api.operator.backup import MODELS, SECRETS, BackupCounts, BackupPaths, keys_of
from api.operator.backup_file import HOME, STORAGE, TABLES, HashingReader, Reader
from api.operator.private_file import private_file
from api.operator.scratch import Scratch
from contracts.database.tables import Alert, Base, Job, Recording, Rendition, Video
from contracts.errors import Conflict, CorruptData
from contracts.storage.port import Storage, is_key
from contracts.wire.job_states import ACTIVE, JobState
from contracts.wire.renditions import REEL, RenditionState

_INI = Path(__file__).parents[2] / "migrations" / "alembic.ini"
_VERSION = "alembic_version"
_PIECE = 1024 * 1024
_ROWS = 500
# States of recordings that are no videos yet: what is written of them is not in the backup.
_UNFILED = ("open", "closed")


def restore(engine: Engine, storage: Storage, source: BinaryIO, paths: BackupPaths) -> BackupCounts:
    """Restore a backup into a stopped service.

    Raises Conflict when the database is not empty, and CorruptData; restored objects are removed again after an error.
    """
    if used := _used_table(engine):
        raise Conflict(f"the database has rows in table {used}: restore into an empty one")
    reader = Reader(source)
    taken = BackupCounts()
    written: list[str] = []
    with Scratch(paths.scratch) as scratch:
        try:
            for name, content in reader.members():
                _take(name, content, storage, scratch, written, taken)
            _check(scratch, reader.manifest.tables)
            _prepare(engine, reader.manifest.revision)
            taken.rows = _insert(engine, scratch, list(reader.manifest.tables), set(written))
            _migrate(engine, "head")
        except BaseException:
            for key in written:
                storage.delete(key)
            raise
        _restore_files(scratch, paths)
    return taken


def _used_table(engine: Engine) -> str:
    """The name of a table of the service that has rows, or an empty string."""
    with engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        for table in Base.metadata.sorted_tables:
            if table.name in there and connection.scalar(select(func.count()).select_from(table)):
                return table.name
    return ""


def _take(
    name: str, content: HashingReader, storage: Storage, scratch: Scratch, written: list[str], taken: BackupCounts
) -> None:
    """Write an object to the storage, any other member to a scratch file."""
    if name.startswith(STORAGE) and is_key(key := name.removeprefix(STORAGE)):
        with storage.create(key) as sink:
            while piece := content.read(_PIECE):
                sink.write(piece)
                taken.size_bytes += len(piece)
        written.append(key)
        taken.objects += 1
    elif name.startswith((TABLES, HOME)) and _stays_below(name):
        file = scratch.create(name)
        while piece := content.read(_PIECE):
            file.write(piece)
    else:
        raise CorruptData(f"the backup contains {name}, which is not part of a backup of this service")


def _stays_below(name: str) -> bool:
    """Whether each part of a member's name is one of a file or folder: no step up, and none to the root."""
    return not any(part in ("", ".", "..") for part in name.split("/"))


def _check(scratch: Scratch, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if sum(1 for _ in _lines(scratch, name)) != count:
            raise CorruptData(f"the backup does not have all {count} rows of {name}")


def _prepare(engine: Engine, revision: str) -> None:
    """Create empty tables at the revision of the backup."""
    if inspect(engine).has_table(_VERSION):
        _migrate(engine, "base")
    try:
        _migrate(engine, revision)
    except CommandError as error:
        raise CorruptData(
            f"this release does not know table revision {revision}: restore the backup with a newer release"
        ) from error


def _migrate(engine: Engine, revision: str) -> None:
    config = Config(_INI)
    config.attributes["url"] = engine.url.render_as_string(hide_password=False)
    if revision == "base":
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _insert(engine: Engine, scratch: Scratch, names: list[str], keys: set[str]) -> int:
    """Insert all rows in one transaction. Returns their number."""
    known = MetaData()
    known.reflect(engine)
    for column in (column for table in known.tables.values() for column in table.columns):
        if isinstance(column.type, JSON):
            column.type.none_as_null = True  # otherwise None becomes a JSON null
    missing = _Missing(keys)
    count = 0
    with engine.begin() as connection:
        for name in names:
            table = known.tables[name]
            rows = (_restored(table, row) for row in map(partial(missing.kept, table), _lines(scratch, name)) if row)
            while batch := list(islice(rows, _ROWS)):
                connection.execute(table.insert(), batch)
                count += len(batch)
    return count


class _Missing:
    """Filters out rows whose objects are not in the backup, because they were deleted meanwhile or were not complete,
    and does to the rows that depend on them what their deletion would have done."""

    def __init__(self, keys: set[str]) -> None:
        self._keys = keys
        self._gone: set[tuple[str, str | None]] = set()  # table and id

    def kept(self, table: Table, row: dict[str, Any]) -> dict[str, Any] | None:
        """The row, None to leave it out. Call it for parents before the rows that reference them."""
        out = any(key not in self._keys for key in keys_of(table.name, row))
        if out and table.name == Alert.__tablename__:
            out, row = False, {**row, "picture": False}
        out = out or (table.name == Recording.__tablename__ and row["state"] in _UNFILED)
        out = out or any((Video.__tablename__, video) in self._gone for video in _shown(table, row))
        for link in table.foreign_keys:
            if (link.column.table.name, row[link.parent.name]) in self._gone:
                out = out or link.ondelete != "SET NULL"
                row = {**row, link.parent.name: None}
        if out and "id" in row:
            self._gone.add((table.name, row["id"]))
        return None if out else row


def _shown(table: Table, row: dict[str, Any]) -> set[str]:
    """The videos that a reel shows a part of: it goes with each of them."""
    if table.name != Rendition.__tablename__ or row["kind"] != REEL:
        return set()
    return {piece["video_id"] for piece in row["options"].get("reel", {}).get("pieces", ())}


def _restored(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row with the column types of the table. Active jobs and renditions are queued again."""
    if table.name == Job.__tablename__ and row["state"] in ACTIVE:
        fresh = {"state": str(JobState.QUEUED), "frames_total": None, "frames_done": 0, "chunks_total": None}
        fresh |= {"chunks_sent": 0, "started_at": None}
        row = {**row, **{name: value for name, value in fresh.items() if name in row}}
    elif table.name == Rendition.__tablename__ and row["state"] == RenditionState.RUNNING:
        row = {**row, "state": str(RenditionState.QUEUED)}
    return {name: _value(table.columns[name].type, value) for name, value in row.items()}


def _value(kind: TypeEngine[Any], value: Any) -> Any:
    if value is not None and isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if value is not None and isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    return value


def _lines(scratch: Scratch, table: str) -> Iterator[dict[str, Any]]:
    """The rows of a table. Raises CorruptData."""
    try:
        for text in scratch.read(f"{TABLES}{table}.jsonl"):
            yield msgspec.json.decode(text, type=dict[str, Any])
    except (KeyError, msgspec.MsgspecError) as error:
        raise CorruptData(f"the backup's rows of {table} cannot be read: {error}") from error


def _restore_files(scratch: Scratch, paths: BackupPaths) -> None:
    """Copy the signing key and the added models to their paths on this machine."""
    if paths.secrets and SECRETS in scratch.names(SECRETS):
        with private_file(paths.secrets) as sink:
            shutil.copyfileobj(scratch.read(SECRETS), sink)
    for name in scratch.names(f"{MODELS}/"):
        target = paths.models / name.removeprefix(f"{MODELS}/")
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
            target.parent.chmod(0o755)
        with target.open("wb") as sink:
            shutil.copyfileobj(scratch.read(name), sink)
        target.chmod(0o644)  # whatever the umask: detectors may run as another user
