"""Takes a backup while the service runs: first the tables at one moment, then all that they name in the storage.

What is in the storage is written once and never changed, so that it is as it was at that moment, or gone: what was
deleted meanwhile is left out, with what hangs on it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, Engine, create_engine, select, text

from api.operator.backup_file import FORMAT, HOME, MANIFEST, STORAGE, TABLES, Manifest, Writer, line
from contracts.database.tables import REVISION, Base, Job, Rendition, Upload, Video, utcnow
from contracts.errors import Conflict, NotFound
from contracts.storage.port import Storage, index_key, rendition_key, result_key, video_key
from contracts.wire.job_states import TERMINAL
from contracts.wire.renditions import RenditionState

# Files of an upload that is not whole cannot be had at one moment: its client begins again.
LEFT_OUT = frozenset({Upload.__tablename__})
# The key that signs tokens, in the embedded form, and the models that were added.
SECRETS, MODELS = f"{HOME}secrets.env", f"{HOME}models"


@dataclass(frozen=True, slots=True)
class BackupPaths:
    """Where files of this machine lie. secrets: of the embedded form, None where the key comes from elsewhere."""

    models: Path
    secrets: Path | None


class BackupCounts(msgspec.Struct):
    """What is in a backup. gone: objects that were deleted while it was taken."""

    rows: int = 0
    objects: int = 0
    size_bytes: int = 0
    gone: int = 0


def take(engine: Engine, storage: Storage, sink: BinaryIO, places: BackupPaths) -> BackupCounts:
    """Write a backup. Raises Conflict for tables of another release, StorageUnavailable, SQLAlchemyError, OSError."""
    taken = BackupCounts()
    with tempfile.TemporaryDirectory() as folder:
        with at_one_moment(engine) as connection:
            revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
            if revision != REVISION:
                raise Conflict(
                    f"the tables are of revision {revision}, and this release needs {REVISION}: start it once"
                )
            counts, keys = _read_tables(connection, Path(folder))
        writer = Writer(sink)
        manifest = Manifest(FORMAT, revision, utcnow().isoformat(), counts)
        writer.add_bytes(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        for name in counts:
            path = Path(folder) / name
            with path.open("rb") as source:
                writer.add(f"{TABLES}{name}.jsonl", source, path.stat().st_size)
        taken.rows = sum(counts.values())
        for key in keys:
            _add_object(writer, storage, key, taken)
        for name, path in _files(places):
            with path.open("rb") as source:
                writer.add(name, source, path.stat().st_size)
        writer.close()
    return taken


@contextmanager
def at_one_moment(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the tables as they are now, whatever is written meanwhile, and keeps nobody waiting."""
    if engine.dialect.name == "sqlite":
        # The service's own engine would take the lock of a writer.
        reading = create_engine(engine.url)
    else:
        reading = create_engine(engine.url, isolation_level="REPEATABLE READ")
    try:
        with reading.connect() as connection:
            if engine.dialect.name == "sqlite":
                # The driver opens a transaction for writing statements alone; the first reading fixes the moment.
                connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        reading.dispose()


def _read_tables(connection: Connection, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Rows as lines in files; how many there are of each, and the keys of what they name."""
    counts: dict[str, int] = {}
    keys: list[str] = []
    for table in Base.metadata.sorted_tables:
        if table.name in LEFT_OUT:
            continue
        counts[table.name] = 0
        with (folder / table.name).open("wb") as sink:
            for row in connection.execution_options(yield_per=500).execute(select(table)).mappings():
                values = {name: _plain(value) for name, value in row.items()}
                sink.write(line(values))
                counts[table.name] += 1
                keys += keys_of(table.name, values)
    return counts, keys


def keys_of(table: str, row: dict[str, Any]) -> list[str]:
    """The keys of what a row has in the storage."""
    if table == Video.__tablename__ and row["refused"] is None:
        return [video_key(row["id"]), *([index_key(row["id"])] if row["media"] else [])]
    if table == Job.__tablename__ and row["state"] in TERMINAL and row["summary"]:
        return [result_key(row["video_id"], row["id"])]
    if table == Rendition.__tablename__ and row["state"] == RenditionState.READY:
        return [rendition_key(row["video_id"], row["job_id"], row["kind"])]
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


def _files(places: BackupPaths) -> Iterator[tuple[str, Path]]:
    """Name in the backup, and place."""
    if places.secrets and places.secrets.is_file():
        yield SECRETS, places.secrets
    for path in sorted(places.models.glob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{MODELS}/{path.name}", path


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
