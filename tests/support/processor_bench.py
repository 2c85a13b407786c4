"""The processor's parts on a database, a folder and a server of a test's own: jobs end in them without any worker."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import REVISION, Base, Job, User, Video, utcnow
from contracts.results import chunk_codec
from contracts.results.codec import Detections, concat, pack
from contracts.settings.load import load
from contracts.storage.port import result_key, video_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import Chunk, ChunkFailure
from contracts.workers.celery_app import create_celery
from processor.housekeeping.inventory import Inventory
from processor.jobs.advance import follow_up
from processor.jobs.planning import _make_plan
from processor.jobs.probing import probe_video
from processor.jobs.stored_plan import layout_of, read_plan
from processor.worker import build
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip


class InProcessProcessor:
    """Has one user. environ is what a command needs to work on the same things."""

    def __init__(self, folder: Path, valkey: Valkey, **settings: object) -> None:
        folder.mkdir(exist_ok=True)
        # Beside the databases of the other tests on the same server.
        signals = valkey.url.replace("db=1", "db=7")
        self.environ = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'web-detector.sqlite'}",
            "BROKER_URL": valkey.broker_url.replace("virtual_host=0", "virtual_host=8"),
            "RESULT_STORE_URL": signals,
            "CHUNK_SIZE": "24",
            **{name: str(value) for name, value in settings.items()},
        }
        self.settings = load("processor", self.environ)
        self.engine = open_database(self.settings.database_url)
        Base.metadata.create_all(self.engine)
        with self.engine.begin() as connection:  # as Alembic notes it
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION})
        services = self.services = build(self.settings, create_celery(self.settings))
        parts = (services.coordination, services.store, services.detectors, services.processors)
        self._clients = [services.live, *(vars(part)["_redis"] for part in parts)]
        self.inventory = Inventory(self.engine)
        with Session(self.engine) as session, session.begin():
            user = User(username="carol", password_hash="-")
            session.add(user)
            session.flush()
            self.user = user.id

    @property
    def storage(self) -> Path:
        return Path(self.settings.storage_path)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.storage)) for path in self.storage.rglob("*") if path.is_file())

    def add_video(self, clip: Clip, *, days_old: float = 0) -> Video:
        """A stored video, probed."""
        made = Video(
            user_id=self.user,
            content_type="video/mp4",
            tags=[],
            size_bytes=len(clip.content),
            sha256=hashlib.sha256(clip.content).hexdigest(),
            created_at=_ago(days_old),
        )
        self.add(made)
        with self.services.storage.create(video_key(made.id)) as sink:
            sink.write(clip.content)
        probe_video(self.services, made.id)
        video = self.services.repository.video(made.id)
        assert video is not None
        assert video.media is not None, video.refused
        return video

    def start_job(self, video: Video, model: str = "nanodet-g", **options: Any) -> Job:
        """A job that runs: planned, and its chunks not sent."""
        job = Job(
            user_id=self.user,
            video_id=video.id,
            model=model,
            options=options,
            state=str(JobState.QUEUED),
            failed_ranges=[],
        )
        self.add(job)
        self.services.repository.move(job.id, JobState.PLANNING)
        layout = layout_of(plan := _make_plan(self.services, job), plan.header)
        self.services.store.put_layout(job.id, layout)
        totals = {"frames_total": sum(layout.lengths), "chunks_total": len(layout.lengths)}
        assert self.services.repository.move(job.id, JobState.RUNNING, **totals)
        return self.job(job.id)

    def add_job(self, video: Video, *, failed: int = -1, days_old: float = 0, **options: Any) -> Job:
        """A job that has ended. failed: number of a chunk that no detector could do."""
        job = self.start_job(video, **options)
        plan = read_plan(self.services, job)
        assert plan is not None
        for chunk in plan.chunks:
            failure = chunk_codec.encode_failure(ChunkFailure("decode_failed", "made to fail"))
            data = failure if chunk.index == failed else found_in(chunk)
            self.services.store.put_chunk(job.id, chunk.index, data)
        assert follow_up(self.services, job.id)
        self.change(Job, job.id, finished_at=_ago(days_old))
        return self.job(job.id)

    def job(self, job_id: str) -> Job:
        job = self.services.repository.job(job_id)
        assert job is not None
        return job

    def result(self, job: Job) -> Path:
        return self.storage / result_key(job.video_id, job.id)

    def add(self, row: Any) -> None:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.add(row)

    def change(self, kind: Any, row_id: str, **values: Any) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(update(kind).where(kind.id == row_id).values(**values))

    def close(self) -> None:
        for client in self._clients:
            client.close()  # else the garbage collector warns of their sockets, in whichever test it runs
        for engine in (self.engine, self.services.repository.engine):
            engine.dispose()  # the same of their files, from Python 3.13 on


def _ago(days: float) -> datetime:
    return utcnow() - timedelta(days=days)


def found_in(chunk: Chunk, aside: int = 0) -> bytes:
    """A result of a chunk: none, one or two objects in a frame, elsewhere in each. aside: by so many pixels."""
    parts = []
    for number, time in zip(chunk.numbers, chunk.times, strict=True):
        count = number % 3
        box = np.array([[number % 50, 1.25, number % 50 + 10, 20.5]] * count).reshape(-1, 4) + aside
        parts.append(pack(number, [time], [Detections(np.arange(count), np.full(count, 0.5), box)]))
    return chunk_codec.encode_frames(concat(parts))
