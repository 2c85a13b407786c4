"""The tables of the results in PostgreSQL. They make themselves, in a schema of their own: a detector
knows no migrations, and the results may lie elsewhere than the service's own tables."""

from pg8000.native import Connection, literal

from contracts.errors import StoreUnavailable

SCHEMA = "web_detector_results"
_LOCK = 0x5EB_DE7EC7  # of all who make these tables; nothing else of the project takes an advisory lock

# Each brings the tables from one version to the next. What was released is never changed.
_STEPS = (
    # A job's rows belong to its id, not to its name: what has faded or was forgotten is cut off at once
    # by leaving the name to a new id, and cleared away later. Chunks are compressed before they come here.
    # A lease is worth nothing after a crash, and is written twice a second: it needs no log.
    """
    CREATE TABLE job (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text UNIQUE,
        expires_at timestamptz NOT NULL
    );
    CREATE TABLE chunk (job bigint, number integer, data bytea NOT NULL, PRIMARY KEY (job, number));
    ALTER TABLE chunk ALTER data SET STORAGE EXTERNAL;
    CREATE TABLE attempt (job bigint, number integer, tries integer NOT NULL, PRIMARY KEY (job, number));
    CREATE TABLE progress (
        job bigint, number integer, frames bigint NOT NULL, seconds double precision NOT NULL, PRIMARY KEY (job, number)
    );
    CREATE TABLE state (job bigint, name text, value bytea NOT NULL, PRIMARY KEY (job, name));
    CREATE UNLOGGED TABLE lease (
        job_name text, number integer, owner text NOT NULL, expires_at timestamptz NOT NULL,
        PRIMARY KEY (job_name, number)
    );
    """,
)


def ensure(connection: Connection) -> None:
    """Make the tables, or bring them to this version, however many do so at once.

    The connection looks up names in SCHEMA. Raises StoreUnavailable when they are of a later version.
    """
    if _version(connection) == len(_STEPS):
        return
    connection.run("BEGIN")  # whoever fails in between closes the connection, which undoes it
    connection.run(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if not _has(connection, "to_regnamespace", SCHEMA):
        connection.run(f"CREATE SCHEMA {SCHEMA}")
    if not _has(connection, "to_regclass", f"{SCHEMA}.version"):
        connection.run("CREATE TABLE version (number integer NOT NULL); INSERT INTO version VALUES (0)")
    version = _version(connection) or 0
    if version > len(_STEPS):
        raise StoreUnavailable(
            f"the tables of the result store are of version {version}, and this process knows {len(_STEPS)}: "
            "bring all parts of the service to one version"
        )
    for step in _STEPS[version:]:
        connection.run(step)
    connection.run("UPDATE version SET number = :number", number=len(_STEPS))
    connection.run("COMMIT")


def _version(connection: Connection) -> int | None:
    if not _has(connection, "to_regclass", f"{SCHEMA}.version"):
        return None
    return int(connection.run("SELECT number FROM version")[0][0])


def _has(connection: Connection, function: str, name: str) -> bool:
    return bool(connection.run(f"SELECT {function}({literal(name)}) IS NOT NULL")[0][0])
