"""`python -m api.operator.backup_command`: writes a backup of all stored data, or restores one."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import SQLAlchemyError

from api.operator.backup import BackupCounts, BackupPaths, take
from api.operator.restore import restore
from contracts.database.engine import open_database
from contracts.errors import SettingsError
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings
from contracts.storage.open import open_storage


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, 1 for whatever went wrong, 2 for wrong settings, 130 after an interrupt."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    return ended(lambda: _run(options, load(None)), {SQLAlchemyError: "the database cannot be used: ", OSError: ""})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    print(_told(_carried_out(options, settings), options.command), file=sys.stderr)
    return 0


def _carried_out(options: argparse.Namespace, settings: Settings) -> BackupCounts:
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set: it says where the tables are")
    engine, storage = open_database(settings.database_url), open_storage(settings)
    # The distributed form has its key from the environment.
    secrets = None if settings.jwt_secret_key else Path(settings.data_dir, "secrets.env")
    places = BackupPaths(settings.models_path, secrets)
    try:
        if options.command == "backup":
            with _sink(options.file) as sink:
                return take(engine, storage, sink, places)
        if options.file == "-":
            return restore(engine, storage, sys.stdin.buffer, places)
        with Path(options.file).open("rb") as source:
            return restore(engine, storage, source, places)
    finally:
        engine.dispose()


@contextmanager
def _sink(name: str) -> Iterator[BinaryIO]:
    """A file that is there when it is whole, and that nobody else may read: it holds what opens the service."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _told(taken: BackupCounts, command: str) -> str:
    done = "backed up" if command == "backup" else "restored"
    gone = f"; {taken.gone} objects were deleted meanwhile" if taken.gone else ""
    return f"{done}: {taken.rows} rows, {taken.objects} objects of {taken.size_bytes} bytes{gone}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector")
    commands = parser.add_subparsers(dest="command", required=True)
    backup = commands.add_parser("backup", help="write all that the service keeps into one file, while it runs")
    backup.add_argument("file", metavar="FILE", help="its name, or - for standard output")
    put = commands.add_parser("restore", help="put a backup into an empty service that does not run")
    put.add_argument("file", metavar="FILE", help="its name, or - for standard input")
    return parser


if __name__ == "__main__":
    sys.exit(main())
