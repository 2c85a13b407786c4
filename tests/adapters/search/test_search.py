"""Searching the table of tracks: what is found, in which order, and by whom."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from api.tables import track_walk
from api.tables.track_lanes import Part, count_limited
from contracts.database.tables import IndexedJob, IndexedTrack, Job, User, Video
from contracts.results.tracks import Track
from tests.support.searching import LABELS, SearchDesk, track

DAY = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


@pytest.fixture(scope="module")
def many(engine: Engine) -> "Many":
    return Many(engine)


class Many(SearchDesk):
    """Cameras for two weeks, and a video of no known time. rows: what a search must find, as (job, track, video)."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        chance = random.Random(5)
        self.rows: list[tuple[Job, Track, Video]] = []
        for number in range(24):
            recorded = DAY + timedelta(hours=13 * number) if number % 8 else None
            source = f"camera {number % 3}" if number % 5 else None
            video = self.add_video(recorded, source=source, tags=[["day", "rain"][number % 2]], name=f"video {number}")
            starts = sorted(chance.randrange(0, 40_000_000, 250_000) for _ in range(16))
            tracks = [self._track(place, start, chance) for place, start in enumerate(starts, 1)]
            job = self.add_job(video, *tracks)
            self.rows += [(job, one, video) for one in tracks]

    def _track(self, number: int, start: int, chance: random.Random) -> Track:
        path = [(chance.randrange(10, 190), chance.randrange(20, 100)) for _ in range(chance.randrange(1, 4))]
        label = chance.choices(LABELS, (6, 3, 1))[0]
        score = chance.randrange(5000, 10_000, 500)
        return track(number, label, start=start, length=chance.randrange(100, 20_000), score=score, path=path)


def begins(row: tuple[Job, Track, Video]) -> datetime | None:
    _, one, video = row
    return video.recorded_at and video.recorded_at + timedelta(milliseconds=one.first_time)


def begun(row: tuple[Job, Track, Video], fits: Callable[[datetime], bool]) -> bool:
    """Whether the time at which it begins is known, and fits."""
    at = begins(row)
    return at is not None and fits(at)


def score(row: tuple[Job, Track, Video]) -> float:
    return row[1].best_score / 10_000


def passes(row: tuple[Job, Track, Video], left: float, right: float) -> bool:
    """Whether it comes through a part of the frame, from top to bottom."""
    across = row[1].path[:, 1] / 20_000
    return bool(across.min() < right and across.max() >= left)


QUESTIONS: dict[str, Callable[[tuple[Job, Track, Video]], bool]] = {
    "": lambda row: True,
    "label=dog": lambda row: row[1].class_id == 2,
    "label=dog&label=car": lambda row: row[1].class_id in (1, 2),
    "label=unicorn": lambda row: False,
    "source=camera 1": lambda row: row[2].source == "camera 1",
    "source=camera 1&label=person": lambda row: row[2].source == "camera 1" and row[1].class_id == 0,
    "tag=rain": lambda row: row[2].tags == ["rain"],
    "tag=rain&source=camera 2&label=car": lambda row: (
        (row[2].tags, row[2].source, row[1].class_id) == (["rain"], "camera 2", 1)
    ),
    "tag=ai": lambda row: False,
    "min_score=0.8": lambda row: score(row) >= 0.8,
    "min_seconds=15.5": lambda row: row[1].last_time - row[1].first_time >= 15_500,
    "from=2026-03-05T00:00Z": lambda row: begun(row, lambda at: at >= DAY + timedelta(days=3)),
    "to=2026-03-05T00:00Z&label=person": lambda row: (
        row[1].class_id == 0 and begun(row, lambda at: at < DAY + timedelta(days=3))
    ),
    "hour_from=22&hour_to=4": lambda row: begun(row, lambda at: not 4 <= at.hour < 22),
    "weekday=tue&weekday=sat&hour_to=12": lambda row: begun(row, lambda at: at.weekday() in (1, 5) and at.hour < 12),
    "polygon=0,0,0.2,0,0.2,1,0,1": lambda row: passes(row, 0, 0.2),
    "polygon=0.5,0,0.6,0,0.6,1,0.5,1&label=person&min_score=0.6": lambda row: (
        passes(row, 0.5, 0.6) and row[1].class_id == 0 and score(row) >= 0.6
    ),
}


NOTHING = ("label=unicorn", "tag=ai")
# On PostgreSQL those with statements that differ in kind.
ON_POSTGRESQL = ("label=dog&label=car", "tag=rain", "hour_from=22&hour_to=4", "polygon=0,0,0.2,0,0.2,1,0,1")


@pytest.mark.parametrize("sort", ["newest", "score"])
def test_a_search_finds_all_that_fits_page_by_page(many: Many, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    # As with very many rows: few lanes in a statement, small parts of an index, pages that end before they are full.
    for name, value in {"_LANES": 4, "_WINDOWS": (15, 60), "_SORTED": 30, "_JOBS": 3, "_STATEMENTS": 12}.items():
        monkeypatch.setattr(track_walk, name, value)

    def order(row: tuple[Job, Track, Video]) -> Any:
        at = begins(row)
        placed = (at is not None, at or row[2].created_at + timedelta(milliseconds=row[1].first_time))
        return (row[1].best_score, *placed) if sort == "score" else placed

    orders = {(row[0].id, row[1].id): order(row) for row in many.rows}
    for query in QUESTIONS if many.engine.dialect.name == "sqlite" else ON_POSTGRESQL:
        expected = sorted((row[0].id, row[1].id) for row in many.rows if QUESTIONS[query](row))
        found = many.found(f"{query}&sort={sort}", limit=30)
        assert sorted(found) == expected, query
        places = [orders[name] for name in found]
        assert places == sorted(places, reverse=True), query
        assert bool(expected) == (query not in NOTHING), query


@pytest.mark.parametrize("query", ["to=2026-03-05T00:00Z&label=person", "source=camera 1&label=car"])
def test_where_many_of_the_best_fit_none_are_sorted(many: Many, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    expected = many.found(f"{query}&sort=score", limit=7)
    assert len(expected) > 14
    counted: list[Part] = []

    def noted(part: Part, most: int) -> str:
        counted.append(part)
        return count_limited(part, most)

    monkeypatch.setattr(track_walk, "count_limited", noted)
    monkeypatch.setattr(track_walk, "_DENSE", 5)
    assert many.found(f"{query}&sort=score", limit=7) == expected
    assert not counted
    monkeypatch.setattr(track_walk, "_DENSE", 10_000)
    assert many.found(f"{query}&sort=score", limit=7) == expected
    assert counted


def test_a_hit_tells_where_it_is(desk: SearchDesk) -> None:
    video = desk.add_video(DAY, name="door.mp4", source="door")
    job = desk.add_job(video, track(1, "car", start=2000, length=500, score=7500, path=[(100, 50), (120, 60)]))
    ((hit,),) = desk.pages()
    assert (hit.run.job_id, hit.run.video_id, hit.run.video_name, hit.run.source) == (
        job.id,
        video.id,
        "door.mp4",
        "door",
    )
    assert (hit.label, hit.row.score, hit.row.start, hit.row.length) == ("car", 7500, 2000, 500)
    assert hit.row.at == int(DAY.timestamp() * 1000) + 2000
    assert (hit.row.box_left, hit.row.box_top, hit.row.box_right, hit.row.box_bottom) == (9500, 4000, 10_500, 5000)


def test_directions(desk: SearchDesk) -> None:
    ways = {1: (190, 50), 2: (10, 50), 3: (101, 50), 4: (140, 10)}
    desk.add_job(desk.add_video(DAY), *(track(n, path=[(100, 50), end]) for n, end in ways.items()))
    assert [number for _, number in desk.found("direction=e")] == [4, 1]
    assert [number for _, number in desk.found("direction=280")] == [2]
    assert [number for _, number in desk.found("direction=n")] == [4]


def test_days_at_both_ends_of_the_calendar(desk: SearchDesk) -> None:
    """Of all the days in between nothing is looked at."""
    first, last = datetime(1, 1, 10, 8, 30, tzinfo=UTC), datetime(9999, 12, 19, 8, 30, tzinfo=UTC)
    jobs = [desk.add_job(desk.add_video(at), track(1), track(2, start=3_600_000)) for at in (last, first)]
    assert desk.found("hour_from=8&hour_to=9&time_zone=Pacific/Kiritimati") == []
    assert desk.found("hour_from=8&hour_to=9") == [(job.id, 1) for job in jobs]


def test_nobody_sees_what_is_of_others(desk: SearchDesk, engine: Engine) -> None:
    video = desk.add_video(DAY, source="door", tags=["rain"])
    job = desk.add_job(video, track(1))
    other = SearchDesk(engine)
    own = other.add_job(other.add_video(DAY, source="door", tags=["rain"]), track(1))
    for query in ("", "label=person", "source=door", "tag=rain", "sort=score", "polygon=0,0,1,0,1,1,0,1"):
        assert other.found(query) == [(own.id, 1)]
    assert other.found(f"video={video.id}") == []
    assert other.found(f"job={job.id}") == []


def test_of_two_jobs_on_a_video_the_newer_one_is_found(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    older = desk.add_job(video, track(1), track(2, start=5), created_at=DAY)
    newer = desk.add_job(video, track(1), created_at=DAY + timedelta(days=1))
    assert desk.found() == desk.found(f"video={video.id}") == [(newer.id, 1)]
    assert desk.found(f"job={older.id}") == [(older.id, 2), (older.id, 1)]
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(Job).where(Job.id == newer.id))
    assert desk.found() == [(older.id, 2), (older.id, 1)]


@pytest.mark.parametrize("sort", ["newest", "score"])
def test_pages_go_on_while_rows_come_and_go(desk: SearchDesk, sort: str) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, *(track(n, start=n * 1000, score=5000 + n) for n in range(1, 10)))
    query = f"label=person&sort={sort}"
    first, place = desk.page(query, None, 4)
    desk.add_job(desk.add_video(DAY + timedelta(days=1)), track(77, score=9999))  # before the page
    late = desk.add_job(desk.add_video(DAY - timedelta(days=1)), track(88, score=100))  # after it
    assert desk.index(job, video, *(track(n, start=n * 1000, score=5000 + n) for n in range(1, 10) if n != 4))
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(IndexedTrack).where(IndexedTrack.number == 6))  # the last of the page
    second, place = desk.page(query, place, 4)
    third, after = desk.page(query, place, 4)
    assert (first, second, third, after) == ([9, 8, 7, 6], [5, 3, 2, 1], [88], None)
    assert late.id in {name for name, _ in desk.found(query)}


def _left(engine: Engine, user_id: str) -> int:
    mine = select(IndexedJob.id).where(IndexedJob.user_id == user_id)
    statement = select(func.count()).select_from(IndexedTrack).where(IndexedTrack.indexed_job_id.in_(mine))
    with Session(engine) as session:
        return session.scalars(statement).one()


@pytest.mark.parametrize("kind", [Job, Video, User])
def test_tracks_go_with_their_job_video_or_user(desk: SearchDesk, engine: Engine, kind: Any) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, track(1), track(2))
    kept = SearchDesk(engine)
    kept.add_job(kept.add_video(DAY), track(1))
    assert _left(engine, desk.user_id) == 2
    with Session(engine) as session, session.begin():
        session.delete(session.get_one(kind, {Job: job.id, Video: video.id, User: desk.user_id}[kind]))
    with Session(engine) as session:
        orphans = select(func.count()).select_from(IndexedTrack)
        orphans = orphans.where(IndexedTrack.indexed_job_id.not_in(select(IndexedJob.id)))
        assert session.scalars(orphans).one() == 0
    assert desk.found() == []
    assert len(kept.found()) == 1


def test_a_job_indexed_again_is_found_once(desk: SearchDesk, engine: Engine) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, track(1), track(2, start=10), track(3, start=20))
    assert desk.index(job, video, track(1, "dog"))
    assert [(hit.label, hit.row.number) for page in desk.pages() for hit in page] == [("dog", 1)]
    assert _left(engine, desk.user_id) == 1


def test_a_job_without_tracks_is_indexed_and_hides_none(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    older = desk.add_job(video, track(1), created_at=DAY)
    desk.add_job(video, created_at=DAY + timedelta(days=1))
    assert desk.found() == [(older.id, 1)]


def test_labels_are_found_however_long_they_are(desk: SearchDesk) -> None:
    chance = random.Random(3)
    # The longest ones of a model, which no database can shorten to what an index of PostgreSQL takes.
    labels = tuple("".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(1000)) for _ in range(2))
    video = desk.add_video(DAY)
    job = desk.add_job(video)
    for _ in range(2):  # the second time the label is known
        assert desk.index(job, video, track(1), track(2, "car", start=5), labels=labels)
        assert [desk.found(f"label={label}") for label in labels] == [[(job.id, 1)], [(job.id, 2)]]


def test_a_deleted_job_is_not_indexed(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, track(1))
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(Video).where(Video.id == video.id))
    assert not desk.index(job, video, track(1))
    assert desk.found() == []


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Once it holds something, the process dies between two transactions."""
    found: list[int] = []
    pause = time.sleep

    def die(seconds: float) -> None:
        if found:
            raise KeyboardInterrupt
        pause(seconds)

    monkeypatch.setattr(time, "sleep", die)
    return found


def test_a_job_whose_model_had_other_labels_is_found_beside_the_later_one(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    first, second = (desk.add_job(video, track(1)) for _ in range(2))
    assert desk.found() == [(second.id, 1)]
    assert desk.index(second, video, track(1), labels=("person", "car"))
    assert sorted(desk.found()) == sorted([(first.id, 1), (second.id, 1)])
    assert desk.index(first, video, track(1), labels=("car", "person"))
    assert desk.found() == [(second.id, 1)], "in whichever order"


def test_what_a_killed_process_wrote_is_not_found_and_replaced(desk: SearchDesk, deadly: list[int]) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, track(1))
    deadly.append(1)
    with pytest.raises(KeyboardInterrupt):
        desk.index(job, video, track(1, "dog"), track(2, "dog", start=5))
    assert [hit.label for page in desk.pages() for hit in page] == ["person"]
    deadly.clear()
    assert desk.index(job, video, track(1, "car"))
    assert [hit.label for page in desk.pages() for hit in page] == ["car"]
    assert _left(desk.engine, desk.user_id) == 1
