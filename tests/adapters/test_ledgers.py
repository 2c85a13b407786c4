"""What triggers note of changes is what is there, whatever changes the rows, and keeps nobody waiting."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import (
    Base,
    IndexedJob,
    Job,
    RecordedBytes,
    Recording,
    Stream,
    UnindexedJob,
    User,
    Video,
    new_id,
    utcnow,
)
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.messages import to_json
from processor.recordings import rows as recording_rows
from processor.recordings.rows import RecordingRows
from processor.search.rows import SearchRows
from tests.support.servers.debian import Postgres

STATES = ("open", "closed", "filed", "failed")
COUNTED = ("filed", "failed")
NOW = utcnow()
READY, QUEUED = (to_json(TracksState(step)) for step in (TracksStep.READY, TracksStep.QUEUED))


class Desk:
    """A user with streams."""

    def __init__(self, engine: Engine, streams: int) -> None:
        self.engine, self.rows, self.user = engine, RecordingRows(engine), new_id()
        self.streams = [new_id() for _ in range(streams)]
        self.do(lambda session: session.add(User(id=self.user, username=self.user, password_hash="-")))
        facts: dict[str, Any] = {"name": "-", "kind": "whip", "model": "m", "options": {}, "user_id": self.user}
        self.do(lambda session: session.add_all([Stream(id=one, record={}, **facts) for one in self.streams]))

    def do(self, change: Any) -> None:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            change(session)

    def video(self) -> str:
        facts: dict[str, Any] = {"content_type": "-", "tags": [], "size_bytes": 1, "sha256": "0"}
        video_id = new_id()
        self.do(lambda session: session.add(Video(id=video_id, user_id=self.user, **facts)))
        return video_id

    def recording(self, stream: str, state: str, size: int | None, began: datetime = NOW, **values: Any) -> Recording:
        facts: dict[str, Any] = {"user_id": self.user, "start": 0, "instance": "-", "started_at": began}
        return Recording(id=new_id(), stream_id=stream, state=state, size_bytes=size, **facts, **values)

    def noted(self) -> dict[str, int]:
        return {one: size for one, size in self.rows.recorded_bytes().items() if size and one in self.streams}

    def counted(self) -> dict[str, int]:
        """The plain form."""
        ended = (Recording.state.in_(COUNTED), Recording.stream_id.in_(self.streams))
        sums = select(Recording.stream_id, func.sum(Recording.size_bytes)).where(*ended).group_by(Recording.stream_id)
        with Session(self.engine) as session:
            return {str(one): int(size) for one, size in session.execute(sums) if size}


@pytest.fixture
def desk(each_database: Engine) -> Iterator[Desk]:
    made = Desk(each_database, 3)
    yield made
    made.do(lambda session: session.execute(delete(User)))


def test_the_bytes_of_recordings_are_added_up_as_rows_come_change_and_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_rows, "_MOST_NOTES", 1)
    monkeypatch.setattr(recording_rows, "_NOTES_AT_ONCE", 5)
    chance = random.Random(5)

    def change(session: Session) -> None:
        there = list(session.scalars(select(Recording).where(Recording.user_id == desk.user).order_by(Recording.id)))
        some = [one.id for one in chance.sample(there, min(len(there), chance.randrange(1, 4)))]
        size = chance.choice((None, 0, 7, 900))
        match chance.randrange(6):
            case 0 | 1:
                made = (desk.recording(chance.choice(desk.streams), chance.choice(STATES), size) for _ in range(3))
                session.add_all(made)
            case 2:
                values = {"state": chance.choice(STATES), "size_bytes": size}
                session.execute(update(Recording).where(Recording.id.in_(some)).values(**values))
            case 3:
                session.execute(update(Recording).where(Recording.id.in_(some)).values(reason="lost"))
            case 4:
                streams = (*desk.streams, None)
                session.execute(
                    update(Recording).where(Recording.id.in_(some)).values(stream_id=chance.choice(streams))
                )
            case 5:
                session.execute(delete(Recording).where(Recording.id.in_(some[:1])))

    for _ in range(60):
        desk.do(change)
        assert desk.noted() == desk.counted()
    assert desk.counted()
    before = desk.noted()
    desk.rows.add_up()
    assert desk.noted() == before
    notes = select(func.count()).select_from(RecordedBytes).group_by(RecordedBytes.stream_id)
    with Session(desk.engine) as session:
        assert max(session.scalars(notes)) == 1
    # Those of a stream that is deleted stay, without it.
    desk.do(lambda session: session.execute(delete(Stream).where(Stream.id == desk.streams[0])))
    assert desk.noted() == desk.counted()
    assert desk.streams[0] not in desk.noted()
    desk.do(lambda session: session.execute(delete(User).where(User.id == desk.user)))
    assert desk.noted() == {}
    desk.rows.add_up()
    with Session(desk.engine) as session:
        assert session.scalars(notes).all() == []


def test_the_bytes_of_a_recording_go_with_its_video(desk: Desk) -> None:
    video = desk.video()
    desk.do(lambda session: session.add(desk.recording(desk.streams[0], "filed", 7, video_id=video)))
    assert desk.noted() == {desk.streams[0]: 7}
    desk.do(lambda session: session.execute(delete(Video).where(Video.id == video)))
    assert desk.noted() == {}


def plain(rows: list[Recording], before: datetime | None, most: int | None) -> list[str]:
    """The recordings of a stream that are beyond its retention, by looking at all."""
    ended = sorted((row for row in rows if row.state in COUNTED), key=lambda row: (row.started_at, row.id))
    sizes = [row.size_bytes or 0 for row in ended]
    found = set()
    for place, row in enumerate(ended):
        if before is not None and (row.ended_at or row.started_at) < before:
            found.add(row.id)
        if most is not None and place < len(ended) - 1 and sum(sizes[place:]) > most:
            found.add(row.id)
    return [row.id for row in ended if row.id in found]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_beyond_a_retention_is_what_looking_at_all_finds(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    made = []
    for _ in range(30):
        began = NOW - timedelta(hours=chance.randrange(12))  # some at the same time
        ended = chance.choice((None, began + timedelta(minutes=90)))
        size = chance.choice((None, 0, 5, 100))
        made.append(desk.recording(desk.streams[0], chance.choice(STATES), size, began, ended_at=ended))
    desk.do(lambda session: session.add_all([*made, desk.recording(desk.streams[1], "filed", 10**12)]))
    sizes = Counter(row.size_bytes or 0 for row in made if row.state in COUNTED)
    whole = sum(size * count for size, count in sizes.items())
    for most in (None, 0, 1, whole // 3, whole - 1, whole, 10**13):
        for before in (None, NOW - timedelta(hours=30), NOW - timedelta(hours=6), NOW + timedelta(hours=9)):
            found = desk.rows.beyond(desk.streams[0], before, most)
            assert [one.id for one in found] == plain(made, before, most), (most, before)
    assert plain(made, None, whole // 3)


def test_the_streams_that_are_recorded_come_with_their_oldest_recording(desk: Desk) -> None:
    desk.do(lambda session: session.execute(update(Stream).where(Stream.id == desk.streams[2]).values(record=None)))
    times = [NOW - timedelta(days=days) for days in (3, 5)]
    desk.do(lambda session: session.add_all([desk.recording(desk.streams[0], "open", None, began) for began in times]))
    found = {stream.id: oldest for stream, oldest in desk.rows.recorded_streams()}
    assert found == {desk.streams[0]: times[1], desk.streams[1]: None}


def test_who_ends_a_recording_waits_for_nobody_who_ends_another(postgres: Postgres) -> None:
    engine = open_database(postgres.create(f"notes-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(engine)
    desk = Desk(engine, 1)
    made = [desk.recording(desk.streams[0], "closed", size) for size in (7, 50)]
    desk.do(lambda session: session.add_all(made))
    filed = [update(Recording).where(Recording.id == one.id).values(state="filed") for one in made]
    with Session(engine) as one, Session(engine) as other:
        one.execute(filed[0])
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        other.execute(filed[1])
        assert desk.noted() == {}, "nothing is noted before it is so"
        other.commit()
        assert desk.noted() == {desk.streams[0]: 50}
        one.commit()
    assert desk.noted() == {desk.streams[0]: 57}
    engine.dispose()


def test_a_job_is_noted_when_it_has_tracks_that_cannot_be_searched(desk: Desk) -> None:
    search, video = SearchRows(desk.engine), desk.video()
    owner: dict[str, Any] = {"user_id": desk.user, "video_id": video}
    facts: dict[str, Any] = {"model": "m", "options": {}, "state": "succeeded", "failed_ranges": []}
    restored, made, indexed, untracked = (
        Job(id=new_id(), tracks=tracks, **owner, **facts) for tracks in (READY, QUEUED, QUEUED, None)
    )
    desk.do(lambda session: session.add_all([restored, made, indexed, untracked]))

    def missing() -> set[str]:
        return {job.id for job, _ in search.unindexed("")[0]}

    def notes() -> set[str]:
        with Session(desk.engine) as session:
            return set(session.scalars(select(UnindexedJob.job_id)))

    assert missing() == notes() == {restored.id}, "as a backup has it"
    number = search.begin(indexed, None)
    search.finish(indexed.id, number, tracks=0)
    tracked = update(Job).where(Job.id.in_((made.id, indexed.id))).values(tracks=READY)
    desk.do(lambda session: session.execute(tracked))
    desk.do(lambda session: session.execute(update(Job).where(Job.id == untracked.id).values(state="failed")))
    assert missing() == notes() == {restored.id, made.id}
    # No longer in the index, as before a deletion that is refused.
    unready = update(IndexedJob).where(IndexedJob.id == number)
    desk.do(lambda session: session.execute(unready.values(ready=False)))
    assert missing() == notes() == {restored.id, made.id, indexed.id}
    desk.do(lambda session: session.execute(delete(Job).where(Job.id == restored.id)))
    search.finish(made.id, search.begin(made, None), tracks=0)
    assert notes() == {restored.id, made.id, indexed.id}
    assert missing() == notes() == {indexed.id}, "notes of what is indexed or gone are removed"
