"""Commands of operators: the processor's own, in place of this process, with the addresses of the service."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

COMMANDS = {
    "verify": "hold what is kept of jobs against itself",
}
_DATABASE = "web-detector.sqlite"


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
    home = Path(environ.get("DATA_DIR", "").strip() or "data").expanduser().absolute()
    found = {"DATA_DIR": str(home)}
    if not environ.get("DATABASE_URL", "").strip():
        path = home / _DATABASE
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no service in {home}: set DATA_DIR to its folder, or DATABASE_URL to its database"
            )
        found["DATABASE_URL"] = f"sqlite:///{path}"
    return {**environ, **found}
