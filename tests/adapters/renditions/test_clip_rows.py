"""Rows of clips and reels, on SQLite and PostgreSQL: limits of a user, also at once, and what goes with a video."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from api.access import quotas as limits
from api.access.quotas import UserQuotas
from api.tables.overview import Overview
from api.tables.renditions import RenditionTable, WantedRendition
from api.tables.videos import VideoTable
from contracts.database.engine import Database, open_database
from contracts.database.tables import Base, Recording, ReelVideo, Rendition, Stream, Upload, User, Video, new_id, utcnow
from contracts.errors import NotFound, StorageUsedUp, TooManyClips, TooManyReels
from contracts.settings.table import Settings
from contracts.wire.renditions import CLIP, REEL, Part, RenditionState, clip_id
from processor.recordings.rows import RecordingRows
from tests.support.servers.debian import Postgres


class Bench:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.table, self.videos = RenditionTable(engine), VideoTable(engine)
        self.user = User(id=new_id(), username=new_id()[:8], password_hash="")
        with Database(engine).write() as session:
            session.add(self.user)
        self.one, self.two = self.video(), self.video()

    def video(self) -> str:
        row = Video(
            id=new_id(), user_id=self.user.id, content_type="video/mp4", tags=[], size_bytes=1000, sha256=new_id()
        )
        return self.videos.add(row, lambda _: None).id

    def quotas(self, **settings: int) -> UserQuotas:
        return UserQuotas(Settings(**settings), self.engine, Mock())  # type: ignore[arg-type]

    def clip(self, quotas: UserQuotas, number: int, more: int = 10) -> Rendition:
        part = Part(number, number + 1)
        wanted = WantedRendition(clip_id(self.one, part), self.user.id, self.one, None, CLIP, {"part": number}, more)
        return self.table.ask(wanted, quotas.guard_clip(self.user.id, wanted.id, more))[0]

    def reel(self, quotas: UserQuotas, *videos: str, more: int = 10) -> Rendition:
        wanted = WantedRendition(new_id(), self.user.id, videos[0], None, REEL, {}, more)
        guard = quotas.guard_reel(self.user.id, wanted.id, more)
        return self.table.add_reel(wanted, utcnow() + timedelta(days=7), set(videos), guard)

    def move(self, row: Rendition, state: RenditionState, **values: int) -> None:
        moved = update(Rendition).where(Rendition.id == row.id).values(state=str(state), **values)
        with Database(self.engine).write() as session:
            session.execute(moved)

    def free(self, quotas: UserQuotas) -> int:
        return quotas.size_limit(self.user.id).bytes

    def count(self, table: type[Base]) -> int:
        with Session(self.engine) as session:
            return session.scalars(select(func.count()).select_from(table)).one()


@pytest.fixture(params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    url = f"sqlite:///{tmp_path}/tables.sqlite"
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"clips-{new_id()[:8]}")
    engine = open_database(url)
    Base.metadata.create_all(engine)
    yield Bench(engine)
    engine.dispose()


def test_clips_asked_for_at_once_do_not_exceed_the_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIPS_PER_USER", 2)
    quotas = bench.quotas()

    def ask(number: int) -> bool:
        try:
            bench.clip(quotas, number)
        except TooManyClips:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [False] * 4 + [True] * 2
    assert bench.count(Rendition) == 2
    (known, _), _ = bench.table.clips(bench.user.id, bench.one, 10, None)
    assert bench.clip(quotas, known.options["part"]).id == known.id, "one that is there may be asked for again"


def test_reels_are_limited_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REELS_PER_USER", 1)
    bench.reel(bench.quotas(), bench.one)
    with pytest.raises(TooManyReels, match="delete one"):
        bench.reel(bench.quotas(), bench.one)


def test_what_is_not_made_yet_counts_with_its_estimate(bench: Bench) -> None:
    quotas = bench.quotas(quota_stored_bytes=2500)  # the videos take 2000
    with pytest.raises(StorageUsedUp, match=r"takes about 501 bytes.*500 are free"):
        bench.clip(quotas, 1, 501)
    clip, reel = bench.clip(quotas, 1, 300), bench.reel(quotas, bench.one, more=200)
    assert bench.free(quotas) == 0
    with pytest.raises(StorageUsedUp):
        bench.clip(quotas, 2, 1)
    with pytest.raises(StorageUsedUp):
        bench.reel(quotas, bench.one, more=1)
    bench.move(clip, RenditionState.RUNNING)
    assert bench.free(quotas) == 0
    bench.move(clip, RenditionState.READY, size_bytes=310)
    bench.table.delete(bench.user.id, reel.id)
    assert bench.free(quotas) == 190


def test_recordings_and_all_else_count_alike_for_uploads_and_for_recording(bench: Bench) -> None:
    quotas = bench.quotas(quota_stored_bytes=4000)
    bench.clip(quotas, 1, 300)
    rows = RecordingRows(bench.engine)
    states = {"closed": 500, "failed": 7, "filed": 11}  # the last one is one of the videos
    stream = Stream(user_id=bench.user.id, name="Gate", kind="push", model="m", options={})
    with Database(bench.engine).write() as session:
        session.add(
            Upload(id=new_id(), user_id=bench.user.id, size_bytes=40, facts={}, expires_at=utcnow() + timedelta(1))
        )
        session.add(stream)
        session.flush()
        for state, size in states.items():
            video = bench.two if state == "filed" else None
            session.add(
                Recording(
                    id=new_id(),
                    stream_id=stream.id,
                    user_id=bench.user.id,
                    state=state,
                    start=0,
                    started_at=utcnow(),
                    instance="one",
                    size_bytes=size,
                    video_id=video,
                )
            )
    assert bench.free(quotas) == 4000 - (2000 + 300 + 40 + 500 + 7)
    assert rows.stored_bytes(bench.user.id) == 4000 - bench.free(quotas)
    with pytest.raises(StorageUsedUp):
        bench.clip(quotas, 2, 1154)


def test_what_is_not_stored_any_more_does_not_count(bench: Bench) -> None:
    stream = Stream(user_id=bench.user.id, name="Gate", kind="push", model="m", options={})
    with Database(bench.engine).write() as session:
        session.add(stream)
        session.flush()
        usual = {"source_id": stream.id, "user_id": bench.user.id, "start": 0, "started_at": utcnow()}
        session.add(Recording(id=new_id(), stream_id=stream.id, state="failed", size_bytes=7, instance="one", **usual))
    everything = RecordingRows(bench.engine).stored_bytes(bench.user.id)
    before = Overview(bench.engine).stored_bytes()["videos"]
    with Database(bench.engine).write() as session:
        session.execute(update(Video).where(Video.id == bench.one).values(refused="damaged"))
    assert RecordingRows(bench.engine).stored_bytes(bench.user.id) == everything - 1000
    assert Overview(bench.engine).stored_bytes()["videos"] == before - 1000
    with Database(bench.engine).write() as session:
        session.delete(session.get_one(Stream, stream.id))
    assert RecordingRows(bench.engine).stored_bytes(bench.user.id) == everything - 1007


def test_a_failed_clip_takes_no_room_until_it_is_made_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIPS_PER_USER", 2)
    quotas = bench.quotas(quota_stored_bytes=2500)
    failed = bench.clip(quotas, 1, 300)
    bench.move(failed, RenditionState.FAILED)
    assert bench.free(quotas) == 500
    other = bench.clip(quotas, 2, 300)
    with pytest.raises(StorageUsedUp):
        bench.clip(quotas, 1, 300)
    assert bench.table.get(bench.user.id, failed.id).state == RenditionState.FAILED
    bench.move(other, RenditionState.READY, size_bytes=200)
    assert bench.clip(quotas, 1, 300).state == RenditionState.QUEUED, "it is one of the two that the user may have"
    assert bench.free(quotas) == 0


def test_clips_asked_for_at_once_do_not_exceed_the_quota(bench: Bench) -> None:
    quotas = bench.quotas(quota_stored_bytes=2500)

    def ask(number: int) -> bool:
        try:
            bench.clip(quotas, number, 200)
        except StorageUsedUp:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [False] * 4 + [True] * 2


def test_a_video_goes_with_its_clips_and_the_reels_that_show_it(bench: Bench) -> None:
    quotas = bench.quotas()
    clip = bench.clip(quotas, 1)
    both, other = bench.reel(quotas, bench.two, bench.one), bench.reel(quotas, bench.two)
    deleted = bench.videos.delete(bench.user.id, bench.one)
    assert (deleted.jobs, deleted.clips, deleted.reels) == ([], [clip.id], [both.id])
    with pytest.raises(NotFound):
        bench.table.reel(bench.user.id, both.id)
    assert bench.table.reel(bench.user.id, other.id).id == other.id
    assert (bench.count(Rendition), bench.count(ReelVideo)) == (1, 1)


def test_a_reel_of_a_video_that_is_gone_is_refused(bench: Bench) -> None:
    bench.videos.delete(bench.user.id, bench.two)
    with pytest.raises(NotFound):
        bench.reel(bench.quotas(), bench.one, bench.two)
    assert (bench.count(Rendition), bench.count(ReelVideo)) == (0, 0)
