"""`python -m api.operator.tables_command`: whether the tables are those of this release, or of a later one.

Pods of the api wait for that. Migrations only add, and in a rolling upgrade they come first: an api of the earlier
release that starts meanwhile works with the tables of the later one.
"""

from contracts.runtime import startup

startup.begin(__name__)

import sys

from sqlalchemy.exc import SQLAlchemyError

from contracts.database.engine import open_database
from contracts.database.revision import revision_of
from contracts.database.tables import REVISION
from contracts.errors import Conflict, SettingsError
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load


def main() -> int:
    """Run the command. Returns the exit status: 0, 1 while the tables are missing, earlier or cannot be read, 2 for
    wrong settings."""
    return ended(_check, {SQLAlchemyError: "the database cannot be used: ", OSError: ""})


def _check() -> int:
    url = load(None).database_url
    if not url:
        raise SettingsError("DATABASE_URL is not set")
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            found = revision_of(connection)
    finally:
        engine.dispose()
    if found is None or found < REVISION:
        raise Conflict(f"the tables have revision {found or 'none'}, but this release needs {REVISION}: migrate them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
