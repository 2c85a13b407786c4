"""Sums that the database itself keeps, by triggers: to add up a million rows whenever one is added takes too long. So
they are right whoever changes the rows, an earlier release and an operator's SQL too."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from contracts.database.base import Base, make_after


class StoredBytes(Base):
    """Bytes of a user's videos, and of the renditions of them that are ready. Only triggers write it. It is no part of
    a backup: what is restored is counted again."""

    __tablename__ = "stored_bytes"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    videos: Mapped[int] = mapped_column(BigInteger)
    renditions: Mapped[int] = mapped_column(BigInteger)


# A rendition is of a video, which has made the row of its user. A video's size never changes.
_SQLITE = (
    """CREATE TRIGGER count_added_video AFTER INSERT ON videos BEGIN
  INSERT INTO stored_bytes (user_id, videos, renditions) VALUES (NEW.user_id, NEW.size_bytes, 0)
  ON CONFLICT (user_id) DO UPDATE SET videos = videos + excluded.videos;
END""",
    """CREATE TRIGGER count_removed_video AFTER DELETE ON videos BEGIN
  UPDATE stored_bytes SET videos = videos - OLD.size_bytes WHERE user_id = OLD.user_id;
END""",
    """CREATE TRIGGER count_added_rendition AFTER INSERT ON renditions WHEN NEW.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions + coalesce(NEW.size_bytes, 0) WHERE user_id = NEW.user_id;
END""",
    """CREATE TRIGGER count_changed_rendition AFTER UPDATE OF state, size_bytes ON renditions
WHEN OLD.state = 'ready' OR NEW.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions
    - CASE WHEN OLD.state = 'ready' THEN coalesce(OLD.size_bytes, 0) ELSE 0 END
    + CASE WHEN NEW.state = 'ready' THEN coalesce(NEW.size_bytes, 0) ELSE 0 END
  WHERE user_id = NEW.user_id;
END""",
    """CREATE TRIGGER count_removed_rendition AFTER DELETE ON renditions WHEN OLD.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions - coalesce(OLD.size_bytes, 0) WHERE user_id = OLD.user_id;
END""",
)

# Added up by statement and not by row: with a user a million rows may go, and each change of a row makes a new one.
# What becomes of a rendition before it is ready waits for nobody who changes the sums of its user.
_POSTGRESQL = (
    """CREATE FUNCTION count_videos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO stored_bytes AS stored (user_id, videos, renditions)
    SELECT user_id, sum(size_bytes), 0 FROM changed GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET videos = stored.videos + excluded.videos;
  ELSE
    UPDATE stored_bytes SET videos = videos - gone.bytes
    FROM (SELECT user_id, sum(size_bytes) AS bytes FROM changed GROUP BY user_id) AS gone
    WHERE stored_bytes.user_id = gone.user_id;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE FUNCTION count_renditions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE stored_bytes SET renditions = renditions + CASE TG_OP WHEN 'INSERT' THEN ready.bytes ELSE -ready.bytes END
  FROM (
    SELECT user_id, coalesce(sum(size_bytes), 0) AS bytes FROM changed WHERE state = 'ready' GROUP BY user_id
  ) AS ready
  WHERE stored_bytes.user_id = ready.user_id;
  RETURN NULL;
END $$""",
    """CREATE FUNCTION count_changed_rendition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE stored_bytes SET renditions = renditions
    - CASE WHEN OLD.state = 'ready' THEN coalesce(OLD.size_bytes, 0) ELSE 0 END
    + CASE WHEN NEW.state = 'ready' THEN coalesce(NEW.size_bytes, 0) ELSE 0 END
  WHERE user_id = NEW.user_id;
  RETURN NULL;
END $$""",
    *(
        f"CREATE TRIGGER count_{done}_{one} AFTER {change} ON {one}s REFERENCING {rows} TABLE AS changed"
        f" FOR EACH STATEMENT EXECUTE FUNCTION count_{one}s()"
        for one in ("video", "rendition")
        for done, change, rows in (("added", "INSERT", "NEW"), ("removed", "DELETE", "OLD"))
    ),
    """CREATE TRIGGER count_changed_rendition AFTER UPDATE OF state, size_bytes ON renditions FOR EACH ROW
WHEN ((OLD.state = 'ready' OR NEW.state = 'ready')
  AND (OLD.state IS DISTINCT FROM NEW.state OR OLD.size_bytes IS DISTINCT FROM NEW.size_bytes))
EXECUTE FUNCTION count_changed_rendition()""",
)

# What makes them, by dialect. A migration runs these: whoever changes one gives it another name.
TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}

make_after(StoredBytes, TRIGGERS)
