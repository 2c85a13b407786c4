"""Commands of operators: those of the roles that know how, in place of this process, with the service's addresses."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.embedded.data_dir import DATABASE, open_home, read_addresses
from cli.embedded.supervisor import Failed

COMMANDS = {
    "admin": "make a user an administrator, a new one if need be: the first one, too",
    "users": "users of the service: list, add, promote, demote, password, disable",
    "doctor": "look at every part that the service needs, and say what is wrong",
    "verify": "hold what is kept of jobs against itself",
    "retention": "remove what is older than is kept, or say what would go",
    "orphans": "remove what is kept of nothing, or say what would go",
    "backup": "write all that the service keeps into one file, while it runs",
    "restore": "put a backup into an empty service that does not run",
}
_MODULES = {
    "admin": "api.operator.users_command",
    "users": "api.operator.users_command",
    "backup": "api.operator.backup_command",
    "restore": "api.operator.backup_command",
}


def operate(arguments: list[str]) -> int:
    """Run the command of the role that knows how, in place of this process. Returns only when it cannot, with 2, or
    after a restore."""
    module = _MODULES.get(arguments[0], "processor.operator")
    command = [sys.executable, "-m", module, *arguments]
    sys.stdout.flush()
    if arguments[0] == "restore" and not os.environ.get("DATABASE_URL", "").strip():
        return _restore(command)
    try:
        environ = operators_environment(os.environ)
    except FileNotFoundError as error:
        print(f"web-detector: {error}", file=sys.stderr)
    else:
        os.execve(sys.executable, command, environ)  # noqa: S606
    return 2


def _restore(command: list[str]) -> int:
    """Into a DATA_DIR in which no service works meanwhile."""
    try:
        with open_home(os.environ.get("DATA_DIR", "").strip() or "data") as home:
            found = {"DATA_DIR": str(home.path), "DATABASE_URL": f"sqlite:///{home.path / DATABASE}"}
            return subprocess.run(command, env={**os.environ, **found}, check=False).returncode
    except Failed as error:
        print(f"web-detector: {error}", file=sys.stderr)
        return 1


def operators_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with what the embedded form of DATA_DIR goes by, where it says nothing else.

    Raises FileNotFoundError when it names no database and there is no such service either.
    """
    if environ.get("DATABASE_URL", "").strip():
        return dict(environ)
    home = Path(environ.get("DATA_DIR", "").strip() or "data").expanduser().absolute()
    noted = read_addresses(home)
    if "DATABASE_URL" not in noted:
        raise FileNotFoundError(
            f"there is no service in {home}: set DATA_DIR to its folder, or DATABASE_URL to its database"
        )
    said = {name: value for name, value in environ.items() if value.strip()}
    return {**noted, **said, "DATA_DIR": str(home)}
