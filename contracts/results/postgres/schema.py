"""Tables of the result store in PostgreSQL, created on first use in their own schema: detectors have no migrations, and
the results may be in another database than the service's tables."""

from pg8000.native import Connection, literal

from contracts.errors import StoreUnavailable

SCHEMA = "web_detector_results"
_LOCK = 0x5EB_DE7EC7  # key of the advisory lock for creating the tables; the project has no other one

# Each entry upgrades the tables by one version. Released entries never change.
_STEPS = (
    # Rows refer to the job's numeric id, not to its name: an expired or removed job is detached at once
    # by giving its name a new id, and its rows are deleted later. Chunks are already compressed.
    # Leases are worthless after a crash and written twice a second: an unlogged table suffices.
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
    """Create or upgrade the tables; safe for concurrent callers.

    The connection's search_path is SCHEMA. Raises StoreUnavailable when the tables are of a later version.
    """
    if _version(connection) == len(_STEPS):
        return
    connection.run("BEGIN")  # on an error the caller closes the connection, which rolls it back
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
