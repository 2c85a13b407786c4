"""A gate in PostgreSQL that blocks a role at a defined point, so that a test can kill it there."""

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
# A deferred trigger runs at commit: the row is kept even if the writer is killed.
_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER test_gate AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION test_gate()
"""
_SECONDS = 120


class Gate:
    """A context manager; the gate is closed inside the context.

    state: blocks writers that set a job to this state; None: blocks writers that have inserted a new job, whose row is
    kept.
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
