"""Commands of operators: the processor's own, in place of this process, with the addresses of the service."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.home import read_addresses

COMMANDS = {
    "doctor": "look at every part that the service needs, and say what is wrong",
    "verify": "hold what is kept of jobs against itself",
    "retention": "remove what is older than is kept, or say what would go",
    "orphans": "remove what is kept of nothing, or say what would go",
}


def operate(arguments: list[str]) -> int:
    """Run `python -m processor.manage` in place of this process. Returns, with 2, only when it cannot."""
    sys.stdout.flush()
    try:
        environ = operators_environment(os.environ)
    except FileNotFoundError as error:
        print(f"web-detector: {error}", file=sys.stderr)
    else:
        os.execve(sys.executable, [sys.executable, "-m", "processor.manage", *arguments], environ)  # noqa: S606
    return 2


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
