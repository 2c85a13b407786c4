"""`web-detector admin` and `web-detector users`: the api's own commands, in place of this process."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMANDS = {
    "admin": "make a user an administrator, a new one if need be: the first one, too",
    "users": "users of the service: list, add, promote, demote, password, disable",
}
_DATABASE = "web-detector.sqlite"


def manage(arguments: Sequence[str]) -> int:
    """Run `python -m api.manage`. Returns only when it cannot: 2."""
    sys.stdout.flush()
    try:
        environ = with_database(os.environ)
    except FileNotFoundError as error:
        print(f"web-detector: {error}", file=sys.stderr)
    else:
        os.execve(sys.executable, [sys.executable, "-m", "api.manage", *arguments], environ)  # noqa: S606
    return 2


def with_database(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the database of the embedded form in DATA_DIR where it names none.

    Raises FileNotFoundError when there is none either.
    """
    if environ.get("DATABASE_URL", "").strip():
        return dict(environ)
    home = Path(environ.get("DATA_DIR", "").strip() or "data").expanduser().absolute()
    path = home / _DATABASE
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no service in {home}: start one there first, or set DATA_DIR to its folder, or DATABASE_URL"
        )
    return {**environ, "DATABASE_URL": f"sqlite:///{path}"}
