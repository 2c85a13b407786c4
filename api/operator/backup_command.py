"""`python -m api.operator.backup_command`: writes a backup of all stored data, or restores one."""

from contracts.runtime import startup

startup.begin(__name__)

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import SQLAlchemyError

from api.operator.backup import BackupCounts, BackupPaths, take
from api.operator.private_file import private_file
from api.operator.restore import restore
from contracts.database.engine import open_database
from contracts.errors import SettingsError
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings
from contracts.storage.open import open_storage


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 2 for wrong settings, 130 after an interrupt."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    return ended(lambda: _run(options, load(None)), {SQLAlchemyError: "the database cannot be used: ", OSError: ""})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    print(_report(_execute(options, settings), options.command), file=sys.stderr)
    return 0


def _execute(options: argparse.Namespace, settings: Settings) -> BackupCounts:
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set")
    engine = open_database(settings.database_url, statement_seconds=None, durable=True)
    storage = open_storage(settings)
    # In distributed mode the key comes from the environment.
    secrets = None if settings.jwt_secret_key else Path(settings.data_dir, "secrets.env")
    paths = BackupPaths(settings.models_path, secrets, Path(settings.data_dir))
    try:
        if options.command == "backup":
            with _sink(options.file) as sink:
                return take(engine, storage, sink, paths)
        if options.file == "-":
            return restore(engine, storage, sys.stdin.buffer, paths)
        with Path(options.file).open("rb") as source:
            return restore(engine, storage, source, paths)
    finally:
        engine.dispose()


@contextmanager
def _sink(name: str) -> Iterator[BinaryIO]:
    """The backup file, or standard output."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with private_file(Path(name)) as sink:
        yield sink


def _report(taken: BackupCounts, command: str) -> str:
    done = "backed up" if command == "backup" else "restored"
    gone = f"; {taken.gone} objects were deleted during the backup" if taken.gone else ""
    return f"{done}: {taken.rows} rows, {taken.objects} objects, {taken.size_bytes} bytes{gone}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector")
    commands = parser.add_subparsers(dest="command", required=True)
    backup = commands.add_parser("backup", help="write all data of the service to one file, also while it runs")
    backup.add_argument("file", metavar="FILE", help="backup file, or - for standard output")
    restoring = commands.add_parser("restore", help="restore a backup into a stopped service without data")
    restoring.add_argument("file", metavar="FILE", help="backup file, or - for standard input")
    return parser


if __name__ == "__main__":
    startup.done()
    sys.exit(main())
