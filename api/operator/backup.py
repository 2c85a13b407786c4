"""Take a backup while the service runs: a snapshot of the tables, then the objects in the storage that it references.

Stored objects are immutable, so each is unchanged since the snapshot or deleted. A restore leaves out the rows of
deleted objects and the rows that depend on them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, Engine, create_engine, select, text

from api.operator.backup_file import FORMAT, HOME, MANIFEST, STORAGE, TABLES, Manifest, Writer, line
from api.operator.scratch import Scratch
from contracts.database.tables import (
    REVISION,
    Alert,
    Base,
    IndexedJob,
    IndexedTrack,
    Job,
    RecordedBytes,
    Rendition,
    SearchTerm,
    StoredBytes,
    UnindexedJob,
    Upload,
    Video,
    utcnow,
)
from contracts.errors import Conflict, NotFound
from contracts.results.tracks import TracksStep
from contracts.storage.port import Storage, alert_picture_key, index_key, result_key, tracks_key, video_key
from contracts.storage.renditions import key_of
from contracts.wire.job_states import TERMINAL
from contracts.wire.renditions import RenditionState

# Unfinished uploads are left out: their files change meanwhile. The client starts the upload again. The index of tracks
# is made again from their files, sums and notes are by the database.
LEFT_OUT = frozenset(
    table.__tablename__
    for table in (Upload, SearchTerm, IndexedJob, IndexedTrack, StoredBytes, RecordedBytes, UnindexedJob)
)
# The key that signs tokens (embedded mode), and the added models.
_KEYS = "keys"  # no table
SECRETS, MODELS = f"{HOME}secrets.env", f"{HOME}models"


@dataclass(frozen=True, slots=True)
class BackupPaths:
    """Paths of local files. secrets: of embedded mode, None where the environment sets JWT_SECRET_KEY. scratch: the
    folder of a disk that has room for all tables; None means the system's temporary one."""

    models: Path
    secrets: Path | None
    scratch: Path | None = None


class BackupCounts(msgspec.Struct):
    """The size of a backup. gone: number of objects that were deleted while it was taken."""

    rows: int = 0
    objects: int = 0
    size_bytes: int = 0
    gone: int = 0


def take(engine: Engine, storage: Storage, sink: BinaryIO, paths: BackupPaths) -> BackupCounts:
    """Write a backup. Raises Conflict for tables of another release, StorageUnavailable, SQLAlchemyError, OSError."""
    taken = BackupCounts()
    with Scratch(paths.scratch) as scratch:
        with _snapshot(engine) as connection:
            revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
            if revision != REVISION:
                raise Conflict(
                    f"the tables have revision {revision}, but this release needs {REVISION}: starting it migrates them"
                )
            counts = _read_tables(connection, scratch)
        writer = Writer(sink)
        manifest = Manifest(FORMAT, revision, utcnow().isoformat(), counts)
        writer.add_bytes(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        for name in counts:
            size = scratch.size(name)
            writer.add(f"{TABLES}{name}.jsonl", scratch.read(name), size)
        taken.rows = sum(counts.values())
        for key in scratch.read(_KEYS):
            _add_object(writer, storage, key.decode().strip(), taken)
        for name, path in _files(paths):
            with path.open("rb") as source:
                writer.add(name, source, path.stat().st_size)
        writer.close()
    return taken


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that reads a consistent snapshot of the tables and blocks no writer."""
    if engine.dialect.name == "sqlite":
        # The service's own engine would take the write lock.
        reading = create_engine(engine.url)
    else:
        reading = create_engine(engine.url, isolation_level="REPEATABLE READ")
    try:
        with reading.connect() as connection:
            if engine.dialect.name == "sqlite":
                # The driver begins transactions for writing statements only. The first read fixes the snapshot.
                connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        reading.dispose()


def _read_tables(connection: Connection, scratch: Scratch) -> dict[str, int]:
    """Write the rows of each table to a file, and the storage keys that they reference to another.

    Returns row counts by table."""
    counts: dict[str, int] = {}
    keys = scratch.create(_KEYS)
    for table in Base.metadata.sorted_tables:
        if table.name in LEFT_OUT:
            continue
        counts[table.name] = 0
        sink = scratch.create(table.name)
        for row in connection.execution_options(yield_per=500).execute(select(table)).mappings():
            values = {name: _plain(value) for name, value in row.items()}
            sink.write(line(values))
            counts[table.name] += 1
            keys.writelines(f"{key}\n".encode() for key in keys_of(table.name, values))
    return counts


def keys_of(table: str, row: dict[str, Any]) -> list[str]:
    """The storage keys that a row references."""
    if table == Video.__tablename__ and row["refused"] is None:
        return [video_key(row["id"]), *([index_key(row["id"])] if row["media"] else [])]
    if table == Job.__tablename__ and row["state"] in TERMINAL and row["summary"]:
        made = (row.get("tracks") or {}).get("state") == TracksStep.READY  # a backup of before has no such column
        tracks = [tracks_key(row["video_id"], row["id"])] if made else []
        return [result_key(row["video_id"], row["id"]), *tracks]
    if table == Rendition.__tablename__ and row["state"] == RenditionState.READY:
        return [key_of(row["id"], row["video_id"], row["job_id"], row["kind"])]
    if table == Alert.__tablename__ and row["picture"]:
        return [alert_picture_key(row["id"])]
    return []


def _add_object(writer: Writer, storage: Storage, key: str, taken: BackupCounts) -> None:
    try:
        size = storage.size(key)
        source = storage.open(key)
    except NotFound:
        taken.gone += 1
        return
    with source:
        writer.add(f"{STORAGE}{key}", source, size)
    taken.objects += 1
    taken.size_bytes += size


def _files(paths: BackupPaths) -> Iterator[tuple[str, Path]]:
    """Name in the backup and path of each local file."""
    if paths.secrets and paths.secrets.is_file():
        yield SECRETS, paths.secrets
    for path in sorted(paths.models.glob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{MODELS}/{path.name}", path


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
