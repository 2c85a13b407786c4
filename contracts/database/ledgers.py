"""What triggers note of changes, so that periodic jobs read what has changed and not what is stored. Triggers note it
whoever changes the rows: an earlier release and an operator's SQL too.

A note is always a row of its own and names others by their ids alone, without a foreign key: nobody who writes one
waits for anybody. Who reads the notes removes those that are done with. They are no part of a backup: what is restored
is noted again.
"""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from contracts.database.base import Base, make_after


class RecordedBytes(Base):
    """A change of how many bytes the ended recordings of a stream have together: the sum of its rows is what they have
    now. The processor puts many of them into one."""

    __tablename__ = "recorded_bytes"

    id: Mapped[int] = mapped_column(primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(36), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)


class UnindexedJob(Base):
    """A job that had tracks and was not in the index of tracks when this was noted. Any such job has a row; one with a
    row may be indexed or deleted by now."""

    __tablename__ = "unindexed_jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(String(36), index=True)


# Of a recording that counts: it has ended, and its stream is there.
_ENDED = "{row}.stream_id IS NOT NULL AND {row}.state NOT IN ('open', 'closed')"
_NEW, _OLD = _ENDED.format(row="NEW"), _ENDED.format(row="OLD")

_SQLITE = (
    f"""CREATE TRIGGER note_added_recording AFTER INSERT ON recordings WHEN {_NEW} BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) VALUES (NEW.stream_id, coalesce(NEW.size_bytes, 0));
END""",  # noqa: S608
    f"""CREATE TRIGGER note_changed_recording AFTER UPDATE OF stream_id, state, size_bytes ON recordings
WHEN ({_OLD} OR {_NEW})
  AND (OLD.stream_id IS NOT NEW.stream_id OR OLD.state IS NOT NEW.state OR OLD.size_bytes IS NOT NEW.size_bytes)
BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) SELECT OLD.stream_id, -coalesce(OLD.size_bytes, 0) WHERE {_OLD};
  INSERT INTO recorded_bytes (stream_id, bytes) SELECT NEW.stream_id, coalesce(NEW.size_bytes, 0) WHERE {_NEW};
END""",
    f"""CREATE TRIGGER note_removed_recording AFTER DELETE ON recordings WHEN {_OLD} BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) VALUES (OLD.stream_id, -coalesce(OLD.size_bytes, 0));
END""",  # noqa: S608
    *(
        f"""CREATE TRIGGER note_{done}_tracks AFTER {change} ON jobs WHEN json_extract(NEW.tracks, '$.state') = 'ready'
  AND NOT EXISTS (SELECT 1 FROM indexed_jobs WHERE job_id = NEW.id AND ready)
BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (NEW.id);
END"""  # noqa: S608
        for done, change in (("added", "INSERT"), ("changed", "UPDATE OF tracks"))
    ),
    """CREATE TRIGGER note_unindexed_job AFTER UPDATE OF ready ON indexed_jobs WHEN OLD.ready AND NOT NEW.ready BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (OLD.job_id);
END""",
)

# Of recordings by statement and not by row: with a user or a stream very many may change.
_POSTGRESQL = (
    """CREATE FUNCTION note_recordings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes)
  SELECT stream_id, CASE TG_OP WHEN 'INSERT' THEN sum(size_bytes) ELSE -sum(size_bytes) END
  FROM changed WHERE stream_id IS NOT NULL AND state NOT IN ('open', 'closed')
  GROUP BY stream_id HAVING sum(size_bytes) <> 0;
  RETURN NULL;
END $$""",
    """CREATE FUNCTION note_changed_recordings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes)
  SELECT stream_id, sum(bytes) FROM (
    SELECT stream_id, state, size_bytes AS bytes FROM after_change
    UNION ALL SELECT stream_id, state, -size_bytes FROM before_change
  ) AS changed
  WHERE stream_id IS NOT NULL AND state NOT IN ('open', 'closed')
  GROUP BY stream_id HAVING sum(bytes) <> 0;
  RETURN NULL;
END $$""",
    *(
        f"CREATE TRIGGER note_{done}_recording AFTER {change} ON recordings REFERENCING {rows} TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_recordings()"
        for done, change, rows in (("added", "INSERT", "NEW"), ("removed", "DELETE", "OLD"))
    ),
    "CREATE TRIGGER note_changed_recording AFTER UPDATE ON recordings"
    " REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_changed_recordings()",
    """CREATE FUNCTION note_tracks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unindexed_jobs (job_id)
  SELECT NEW.id WHERE NOT EXISTS (SELECT FROM indexed_jobs WHERE job_id = NEW.id AND ready);
  RETURN NULL;
END $$""",
    *(
        f"CREATE TRIGGER note_{done}_tracks AFTER {change} ON jobs FOR EACH ROW"
        " WHEN (NEW.tracks ->> 'state' = 'ready') EXECUTE FUNCTION note_tracks()"
        for done, change in (("added", "INSERT"), ("changed", "UPDATE OF tracks"))
    ),
    """CREATE FUNCTION note_unindexed_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (OLD.job_id);
  RETURN NULL;
END $$""",
    "CREATE TRIGGER note_unindexed_job AFTER UPDATE OF ready ON indexed_jobs FOR EACH ROW"
    " WHEN (OLD.ready AND NOT NEW.ready) EXECUTE FUNCTION note_unindexed_job()",
)

# What makes them, by dialect. A migration runs these: whoever changes one gives it another name.
LEDGER_TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}

make_after(RecordedBytes, LEDGER_TRIGGERS)
