"""Tracks of a thousand hours of cameras in the tables, made up: streets by day, hardly anything at night."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from analytics.search.hours import to_ms
from analytics.search.paths import GRID
from contracts.database.tables import IndexedJob, IndexedTrack, Job, SearchTerm, User, Video

CAMERAS = 10
JOB_MINUTES = 10
TRACKS_AN_HOUR = 1620
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = ("yard", "street", "night", "rain")
# Labels and how often each is: those of a street, and others that are hardly ever seen.
LABELS = {"person": 0.5, "car": 0.3, "bicycle": 0.08, "truck": 0.06, "dog": 0.03, "bus": 0.02}
RARE = tuple(f"rare {number}" for number in range(74))
_POINTS = 8
_COLUMNS = IndexedTrack.__table__.columns.keys()


class Generated:
    """A user with so many hours. Loads the tables of an empty database."""

    def __init__(self, engine: Engine, hours: int) -> None:
        self._engine, self._jobs = engine, hours * 60 // JOB_MINUTES
        self._chance = np.random.default_rng(1)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            user = User(username="cameras", password_hash="-")  # noqa: S106
            session.add(user)
            session.flush()
            self.user_id = user.id
            terms = [SearchTerm(user_id=user.id, kind="label", text=text) for text in (*LABELS, *RARE)]
            sources = [SearchTerm(user_id=user.id, kind="source", text=f"camera {n}") for n in range(CAMERAS)]
            session.add_all([*terms, *sources])
            session.flush()
            self._labels = np.array([term.id for term in terms])
            self._sources = [term.id for term in sources]
        rare = (1 - sum(LABELS.values())) / len(RARE)
        self._weights = np.array([*LABELS.values(), *[rare] * len(RARE)])

    def load(self) -> None:
        """Write all rows."""
        self._add_jobs()
        connection: Any = self._engine.raw_connection()
        with closing(connection), closing(connection.cursor()) as cursor:
            if self._engine.dialect.name == "sqlite":
                cursor.execute("BEGIN")
                cursor.executemany(f"INSERT INTO tracks VALUES ({','.join('?' * len(_COLUMNS))})", self._rows())  # noqa: S608
            else:
                cursor.execute("COPY tracks FROM STDIN WITH (FORMAT csv)", stream=_lines(self._rows()))
                cursor.execute("ANALYZE")
            connection.commit()

    @property
    def _per_job(self) -> int:
        return TRACKS_AN_HOUR * JOB_MINUTES // 60

    def _begin(self, job: int) -> datetime:
        return FIRST + timedelta(minutes=JOB_MINUTES * (job // CAMERAS))

    def _add_jobs(self) -> None:
        length = JOB_MINUTES * 60_000
        videos, jobs, indexed = [], [], []
        for job in range(self._jobs):
            name, begin = f"{job:036d}", self._begin(job)
            camera = job % CAMERAS
            videos.append(
                {"id": name, "user_id": self.user_id, "name": name, "content_type": "video/mp4", "recorded_at": begin}
                | {"source": f"camera {camera}", "tags": [TAGS[job // CAMERAS % len(TAGS)]], "size_bytes": 1}
                | {"sha256": "0", "created_at": begin}
            )
            jobs.append(
                {"id": name, "user_id": self.user_id, "video_id": name, "model": "m", "options": {}}
                | {"state": "succeeded", "failed_ranges": [], "created_at": begin}
            )
            indexed.append(
                {"id": job + 1, "user_id": self.user_id, "job_id": name, "tracks": self._per_job, "ready": True}
                | {"source": self._sources[camera], "first_at": to_ms(begin), "last_at": to_ms(begin) + length}
            )
        with self._engine.begin() as connection:
            for table, rows in ((Video, videos), (Job, jobs), (IndexedJob, indexed)):
                connection.execute(insert(table), rows)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for job in range(self._jobs):
            yield from self._rows_of(job)

    def _rows_of(self, job: int) -> Iterator[tuple[Any, ...]]:
        n, chance = self._per_job, self._chance
        start = np.sort(chance.integers(0, JOB_MINUTES * 60_000, n))
        length = chance.exponential(12_000, n).astype(np.int64) + 200
        # From somewhere to somewhere, in a little curve; foot points are in the lower part of the frame.
        ends = chance.integers(0, GRID, (2, n, 2))
        ends[..., 1] = GRID // 4 + ends[..., 1] * 3 // 4
        along = np.linspace(0, 1, _POINTS)[:, None, None]
        path = ends[0] + (ends[1] - ends[0]) * along * chance.uniform(0.05, 1, (n, 1))
        path = np.clip(path + chance.normal(0, 80, path.shape), 0, GRID - 1).astype(np.int64)
        half, tall = chance.integers(50, 700, n), chance.integers(200, 2500, n)
        left, right = path[..., 0].min(0) - half, path[..., 0].max(0) + half
        top, bottom = path[..., 1].min(0) - tall, path[..., 1].max(0)
        way = path[-1] - path[0]
        heading = np.rint(np.degrees(np.arctan2(way[:, 0], -way[:, 1]))).astype(np.int64) % 360
        found = {
            "indexed_job_id": np.full(n, job + 1),
            "number": np.arange(1, n + 1),
            "label": chance.choice(self._labels, n, p=self._weights),
            "source": np.full(n, self._sources[job % CAMERAS]),
            "at": start + to_ms(self._begin(job)),
            "start": start,
            "length": length,
            "score": chance.integers(3500, 10_000, n),
            "best_frame": start // 40,
            "best_ms": start,
            "heading": heading,
            **{f"box_{edge}": np.full(n, 10_000) for edge in ("left", "top", "right", "bottom")},
            "left": np.clip(left, 0, GRID - 1),
            "right": np.clip(right, 0, GRID - 1),
            "top": np.clip(top, 0, GRID - 1),
            "bottom": np.clip(bottom, 0, GRID - 1),
        }
        packed = np.ascontiguousarray(path.transpose(1, 0, 2), "<u2")
        columns = [[row.tobytes() for row in packed] if name == "path" else found[name].tolist() for name in _COLUMNS]
        return zip(*columns, strict=True)


def _lines(rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    """Rows as the text that PostgreSQL's COPY reads, many at a time."""
    while bite := list(islice(rows, 2000)):
        written = io.StringIO()
        csv.writer(written).writerows(
            [f"\\x{cell.hex()}" if isinstance(cell, bytes) else cell for cell in row] for row in bite
        )
        yield written.getvalue().encode()
