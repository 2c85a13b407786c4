"""Operator commands: run a command of the api or the processor with the settings of the service in DATA_DIR."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.embedded.data_dir import DATABASE, open_data_dir, read_addresses
from cli.embedded.supervisor import Failed

COMMANDS = {
    "admin": "create an administrator, or promote an existing user",
    "users": "manage users: list, add, promote, demote, password, disable",
    "doctor": "check the health of the service",
    "verify": "check the integrity of stored jobs",
    "retention": "remove data older than the retention settings (--dry-run: only list it)",
    "orphans": "remove orphaned objects and results (--dry-run: only list them)",
    "index": "make the tracks of all jobs searchable",
    "backup": "write all data of the service to one file, also while it runs",
    "restore": "restore a backup into a stopped service without data",
}
_MODULES = {
    "admin": "api.operator.users_command",
    "users": "api.operator.users_command",
    "backup": "api.operator.backup_command",
    "restore": "api.operator.backup_command",
}


def run(arguments: list[str]) -> int:
    """Replace this process with the command. Returns only after a restore, or with 2 when no service is found."""
    module = _MODULES.get(arguments[0], "processor.operator")
    command = [sys.executable, "-m", module, *arguments]
    sys.stdout.flush()
    if not {"-h", "--help"}.isdisjoint(arguments):  # which needs no service
        os.execve(sys.executable, command, os.environ)  # noqa: S606
    if arguments[0] == "restore" and not os.environ.get("DATABASE_URL", "").strip():
        return _restore(command)
    try:
        environ = service_environment(os.environ)
    except FileNotFoundError as error:
        print(f"web-detector: {error}", file=sys.stderr)
    else:
        os.execve(sys.executable, command, environ)  # noqa: S606
    return 2


def _restore(command: list[str]) -> int:
    """Restore into DATA_DIR, locked so that no service can start there meanwhile."""
    try:
        with open_data_dir(os.environ.get("DATA_DIR", "").strip() or "data") as data_dir:
            found = {"DATA_DIR": str(data_dir.path), "DATABASE_URL": f"sqlite:///{data_dir.path / DATABASE}"}
            return subprocess.run(command, env={**os.environ, **found}, check=False).returncode
    except Failed as error:
        print(f"web-detector: {error}", file=sys.stderr)
        return 1


def service_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed with the addresses of the embedded service in DATA_DIR.

    Raises FileNotFoundError when DATABASE_URL is not set and DATA_DIR contains no service.
    """
    if environ.get("DATABASE_URL", "").strip():
        return dict(environ)
    data_dir = Path(environ.get("DATA_DIR", "").strip() or "data").expanduser().absolute()
    addresses = read_addresses(data_dir)
    if "DATABASE_URL" not in addresses:
        raise FileNotFoundError(
            f"there is no service in {data_dir}: set DATA_DIR to its folder, or DATABASE_URL to its database"
        )
    given = {name: value for name, value in environ.items() if value.strip()}
    return {**addresses, **given, "DATA_DIR": str(data_dir)}
