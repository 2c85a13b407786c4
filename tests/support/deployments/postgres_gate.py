"""A gate in PostgreSQL at which a role has to stop, so that a test can kill it there and nowhere else."""

import time
from contextlib import closing
from typing import Self

from tests.support.servers.postgres_results import ask, connected

_LOCK = 20_260_101
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN NEW; END $$
"""
_INTO_STATE = """
CREATE TRIGGER test_gate BEFORE UPDATE ON jobs FOR EACH ROW
WHEN (NEW.state = '{state}' AND OLD.state <> '{state}') EXECUTE FUNCTION test_gate()
"""
# A deferred trigger runs when its transaction is committed: the row is kept, whatever becomes of the one who wrote it.
_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER test_gate AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION test_gate()
"""
_SECONDS = 120


class Gate:
    """Closed inside the context. Use as a context manager.

    state: whoever is about to note that a job is in it waits; None: whoever has noted a new job waits, and
    the note holds.
    """

    def __init__(self, url: str, state: str | None) -> None:
        self._url = url
        self._trigger = _AT_COMMIT if state is None else _INTO_STATE.format(state=state)

    def __enter__(self) -> Self:
        self._lock = connected(self._url)
        self._lock.run(f"SELECT pg_advisory_lock({_LOCK})")
        ask(self._url, _FUNCTION)
        ask(self._url, self._trigger)
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._lock):
            self._lock.run(f"SELECT pg_advisory_unlock({_LOCK})")
        ask(self._url, "DROP TRIGGER test_gate ON jobs")

    def until_somebody_waits(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while not ask(self._url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            assert time.monotonic() < deadline, "nobody came to the gate"
            time.sleep(0.02)
