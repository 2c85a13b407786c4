"""The tables of a service after a year: many videos with their jobs, and all that follows from these, made up.

Each second video is of one user. The rows are as the service writes them, with ids like those of chance, so that no
index is in the order of another one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from analytics.search.hours import to_ms
from analytics.search.paths import GRID
from contracts.database import tables
from contracts.database.base import Base
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.messages import Media, Options, to_json
from contracts.wire.renditions import rendition_id
from contracts.wire.webhooks import JOB_FINISHED

USERS = 1000
DAYS = 400  # since the first video
LABELS = ("person", "car", "bicycle", "truck", "dog", "rare thing")
TRACKS = 2  # of a job
STREAMS = 100
ACTIONS = ("login", "login.failed", "video.made", "token.made")
# One in so many: old videos with a second job, jobs of the newest videos that wait, users with rules, with a webhook,
# videos that are recordings, jobs that failed or were cancelled, jobs of the first user whose delivery waits.
AGAIN, QUEUED, RULED, HOOKED, RECORDED, FAILED, WAITING = 5, 100, 10, 4, 10, 50, 5
# When a second job was made, after the video: old videos are kept by it.
_LATER = timedelta(days=300)
_MINUTE = timedelta(minutes=1)

Row = tuple[Any, ...]


class Filled(NamedTuple):
    """Rows of a table, in the order of these columns."""

    table: type[Base]
    columns: tuple[str, ...]
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Made:
    """A job. video: its number; ended: None while it waits."""

    number: int
    video: int
    created: datetime
    ended: datetime | None
    state: str


class Stored:
    """What is stored with so many videos, which were uploaded in the DAYS before `now`."""

    def __init__(self, videos: int, now: datetime) -> None:
        self.videos, self.now = videos, now
        self._media = _json(to_json(Media("mp4", "h264", 1920, 1080, 0, "1:1", 600_000.0, 15_000, 25.0, False)))
        self._options = _json(to_json(Options()))
        ready = TracksState(TracksStep.READY, tracker="bytes 1", tracks=TRACKS)
        self._tracks = _json(to_json(ready))
        counts = {"objects": 30_000, "frames_with_objects": 9000, "labels": {"person": 20_000, "car": 10_000}}
        self._summary = _json(counts)

    def uploaded(self, video: int) -> datetime:
        """When a video was."""
        return self.now - timedelta(days=DAYS) * ((self.videos - video) / self.videos)

    def owner(self, video: int) -> int:
        """The number of its user."""
        return 1 + video // 2 % (USERS - 1) if video % 2 else 0

    def jobs(self) -> Iterator[Made]:
        """All jobs, by their video."""
        for video in range(self.videos):
            yield self._job(video, video, self.uploaded(video) + _MINUTE, video >= self.videos - self.videos // QUEUED)
            later = self.uploaded(video) + _LATER
            if video % AGAIN == 0 and later < self.now:
                yield self._job(self.videos + video // AGAIN, video, later, False)

    def _job(self, number: int, video: int, created: datetime, waits: bool) -> Made:
        if waits:
            return Made(number, video, min(created, self.now), None, "queued")
        state = "succeeded" if number % FAILED else ("failed", "cancelled")[number // FAILED % 2]
        return Made(number, video, created, min(created + _MINUTE, self.now), state)

    def tables(self) -> Iterator[Filled]:
        """All rows, in an order in which each is after those that it names."""
        yield from self._users()
        yield from self._of_videos()
        yield from self._of_jobs()
        yield from self._of_search()
        yield from self._of_alerts()
        yield from self._deliveries()

    def _users(self) -> Iterator[Filled]:
        made = stamp(self.now - timedelta(days=DAYS))
        names = [f"user {number}" for number in range(USERS)]
        users = [(id_of("user", n), name, name, "-", "user" if n else "admin", made) for n, name in enumerate(names)]
        yield Filled(tables.User, ("id", "username", "name_key", "password_hash", "role", "created_at"), users)
        sessions = (
            (id_of("session", n), id_of("user", n % USERS), id_of("refresh", n), stamp(self.uploaded(n)), made)
            for n in range(self.videos // 10)
        )
        yield Filled(tables.Session, ("id", "user_id", "refresh_id", "expires_at", "created_at"), sessions)
        hooks = (
            (id_of("hook", n), id_of("user", n), "http://127.0.0.1:9/", "-", 1, made) for n in range(0, USERS, HOOKED)
        )
        yield Filled(tables.Webhook, ("id", "user_id", "url", "secret", "jobs", "created_at"), hooks)
        events = (
            (id_of("event", n), stamp(self.uploaded(n)), ACTIONS[n % 4], id_of("user", self.owner(n)), "10.0.0.1")
            for n in range(self.videos)
        )
        yield Filled(tables.AuditEvent, ("id", "at", "action", "user_id", "address"), events)
        streams = (
            (id_of("stream", n), id_of("user", 0), f"camera {n}", "rtsp", "m", "{}", _KEPT, "stopped", 1, made, made)
            for n in range(STREAMS)
        )
        columns: tuple[str, ...] = (
            "id",
            "user_id",
            "name",
            "kind",
            "model",
            "options",
            "record",
            "wanted",
            "revision",
            "started_at",
        )
        yield Filled(tables.Stream, (*columns, "created_at"), streams)

    def _of_videos(self) -> Iterator[Filled]:
        videos = (
            (
                id_of("video", n),
                id_of("user", self.owner(n)),
                f"Street {n:07d}",
                "video/mp4",
                f"camera {n % STREAMS}",
                f'["tag {n % 7}"]',
                47000000,
                "0" * 64,
                self._media,
                stamp(self.uploaded(n)),
            )
            for n in range(self.videos)
        )
        columns: tuple[str, ...] = (
            "id",
            "user_id",
            "name",
            "content_type",
            "source",
            "tags",
            "size_bytes",
            "sha256",
            "media",
        )
        yield Filled(tables.Video, (*columns, "created_at"), videos)
        posters = (
            (
                rendition_id(video, None, "poster"),
                id_of("user", self.owner(n)),
                video,
                "poster",
                "{}",
                "ready",
                0,
                "image/jpeg",
                30000,
                at,
                at,
                at,
            )
            for n in range(self.videos)
            for video, at in [(id_of("video", n), stamp(self.uploaded(n)))]
        )
        columns = ("id", "user_id", "video_id", "kind", "options", "state", "frames_done", "content_type", "size_bytes")
        yield Filled(tables.Rendition, (*columns, "created_at", "finished_at", "changed_at"), posters)

    def _of_jobs(self) -> Iterator[Filled]:
        jobs = (
            (id_of("job", job.number), id_of("user", self.owner(job.video)), id_of("video", job.video), "m")
            + (self._options, job.state, 0, 15_000, 0 if job.ended is None else 15_000, 63, 63, "[]")
            + ((self._summary, self._tracks) if job.state == "succeeded" else (None, None))
            + (stamp(job.created), *[job.ended and stamp(job.ended)] * 2, stamp(job.ended or job.created))
            for job in self.jobs()
        )
        columns: tuple[str, ...] = (
            "id",
            "user_id",
            "video_id",
            "model",
            "options",
            "state",
            "cancel_requested",
            "frames_total",
        )
        columns += ("frames_done", "chunks_total", "chunks_sent", "failed_ranges", "summary", "tracks", "created_at")
        yield Filled(tables.Job, (*columns, "started_at", "finished_at", "changed_at"), jobs)
        keys = (
            (id_of("user", self.owner(n)), "jobs", f"key {n}", "-", id_of("job", n), stamp(self.now))
            for n in range(self.videos // QUEUED)
        )
        columns = ("user_id", "operation", "key", "fingerprint", "job_id", "created_at")
        yield Filled(tables.IdempotencyKey, columns, keys)
        recordings = (
            (
                id_of("recording", n),
                *([id_of("stream", n // RECORDED % STREAMS)] * 2),
                id_of("user", 0),
                id_of("video", n),
                id_of("job", n),
                "filed",
                0,
                600000000,
                at,
                at,
                15000,
                47000000,
                "split",
                "-",
                at,
            )
            for n in range(0, self.videos, RECORDED)
            for at in [stamp(self.uploaded(n))]
        )
        columns = ("id", "stream_id", "source_id", "user_id", "video_id", "job_id", "state", "start", "end")
        columns += ("started_at", "ended_at", "frames", "size_bytes", "reason", "instance", "created_at")
        yield Filled(tables.Recording, columns, recordings)

    def _with_tracks(self) -> Iterator[Made]:
        return (job for job in self.jobs() if job.state == "succeeded")

    def _of_search(self) -> Iterator[Filled]:
        terms = (
            (
                user * len(LABELS) + place + 1,
                id_of("user", user),
                "label",
                label,
                hashlib.sha256(label.encode()).hexdigest(),
            )
            for user in range(USERS)
            for place, label in enumerate(LABELS)
        )
        yield Filled(tables.SearchTerm, ("id", "user_id", "kind", "text", "digest"), terms)
        indexed = (
            (
                job.number + 1,
                id_of("user", self.owner(job.video)),
                id_of("job", job.number),
                TRACKS,
                1,
                at,
                at + 600_000,
            )
            for job in self._with_tracks()
            for at in [to_ms(self.uploaded(job.video))]
        )
        columns: tuple[str, ...] = ("id", "user_id", "job_id", "tracks", "ready", "first_at", "last_at")
        yield Filled(tables.IndexedJob, columns, indexed)
        yield Filled(tables.IndexedTrack, tuple(tables.IndexedTrack.__table__.columns.keys()), self._track_rows())

    def _track_rows(self) -> Iterator[Row]:
        path = b"".join(value.to_bytes(2, "little") for value in (1000, 5000, 3000, 6000, 6000, 7000))
        hull = (900, GRID // 2, 6100, GRID - 1)
        for job in self._with_tracks():
            at, base = to_ms(self.uploaded(job.video)), self.owner(job.video) * len(LABELS) + 1
            for number in range(1, TRACKS + 1):
                label, start = base + _LABELS[(job.number * TRACKS + number) % len(_LABELS)], 1000 * number
                score = 3500 + (job.number * 7919 + number) % 6500
                yield (
                    (
                        job.number + 1,
                        number,
                        label,
                        None,
                        at + start,
                        start,
                        12000,
                        score,
                        start // 40,
                        start,
                        100,
                        100,
                        9000,
                        9000,
                        *hull,
                        90,
                        path,
                    )
                )

    def _of_alerts(self) -> Iterator[Filled]:
        made = stamp(self.now - timedelta(days=DAYS))
        rules = (
            (id_of("rule", user), id_of("user", user), "rule", 1, '{"labels": ["person"]}', 60, made, made)
            for user in range(0, USERS, RULED)
        )
        columns: tuple[str, ...] = (
            "id",
            "user_id",
            "name",
            "enabled",
            "search",
            "at_most_one_in_s",
            "since",
            "created_at",
        )
        yield Filled(tables.AlertRule, columns, rules)
        asked = (
            (id_of("job", job.number), stamp(job.ended or job.created))
            for job in self._with_tracks()
            if self.owner(job.video) % RULED == 0
        )
        yield Filled(tables.AlertedJob, ("job_id", "at"), asked)
        alerts = (
            (
                id_of("alert", n),
                id_of("rule", user),
                id_of("user", user),
                f"{n}",
                at,
                1,
                "person",
                9000,
                id_of("video", n),
                id_of("job", n),
                1,
                1000,
                int(n % 100 == 0),
                0,
                at,
            )
            for n in range(self.videos)
            for user, at in [(self.owner(n), stamp(self.uploaded(n)))]
            if (user == 0 and n >= self.videos - self.videos // 50) or (user and user % RULED == 0)
        )
        columns = ("id", "rule_id", "user_id", "key", "at", "dated", "label", "score", "video_id", "job_id", "track")
        yield Filled(tables.Alert, (*columns, "start", "picture", "seen", "created_at"), alerts)

    def _deliveries(self) -> Iterator[Filled]:
        """Those of the first user's webhook, which does not answer, wait."""
        rows = (
            (id_of("delivery", job.number), id_of("hook", user), id_of("job", job.number), JOB_FINISHED)
            + (("waiting", 3, None) if user == 0 and job.number % WAITING == 0 else ("delivered", 1, at))
            + (at, at)
            for job in self.jobs()
            if job.ended is not None
            for user, at in [(self.owner(job.video), stamp(job.ended))]
            if user % HOOKED == 0
        )
        columns: tuple[str, ...] = (
            "id",
            "webhook_id",
            "job_id",
            "event",
            "state",
            "attempts",
            "finished_at",
            "next_at",
            "created_at",
        )
        yield Filled(tables.Delivery, columns, rows)


# How often each label is among so many tracks.
_LABELS = (0,) * 50 + (1,) * 30 + (2,) * 9 + (3,) * 6 + (4,) * 4 + (5,)
_KEPT = '{"keep_days": 1000, "keep_bytes": 1000000000000000}'


def id_of(kind: str, number: int) -> str:
    """The id of one of these things."""
    text = hashlib.md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def stamp(time: datetime) -> str:
    """A time as both databases read it."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _json(value: Any) -> str:
    return json.dumps(value)
