"""Videos, jobs and tracks in the tables, without files, and what a search of them must find."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from msgspec.structs import replace
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from api.search.place import Place
from api.search.question import question_of
from api.tables.search import Hit, TrackSearch
from contracts.database.tables import Job, User, Video, new_id
from contracts.results.tracks import Track, of_tracks
from contracts.wire.messages import Media, Options, Plan, ResultHeader
from processor.search.index import index

LABELS = ("person", "car", "dog")
WIDTH, HEIGHT = 200, 100
_MEDIA = Media("mp4", "h264", WIDTH, HEIGHT, 0, "1:1", 1000.0, 100, 25.0, variable_fps=False)
HEADER = ResultHeader(1, _MEDIA, (1, 1000), Plan("m", "", "", "", Options()), LABELS, complete=True)


def track(
    number: int,
    label: str = "person",
    *,
    start: int = 0,
    length: int = 1000,
    score: int = 9000,
    path: Sequence[tuple[int, int]] = ((100, 50),),
) -> Track:
    """A track of boxes of 10 x 10 pixels. start, length: in ms. path: in pixels, at equal distances in time."""
    points = np.array(path, np.int64) * 100
    times = np.linspace(start, start + length, len(path)).astype(np.int64)
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return Track(
        id=number,
        class_id=LABELS.index(label),
        first_frame=start,
        last_frame=start + length,
        first_time=start,
        last_time=start + length,
        frames=length,
        best_score=score,
        best_frame=start + 1,
        best_time=start + 1,
        best_box=(left - 500, top - 1000, left + 500, top),
        hull=(left - 500, top - 1000, right + 500, bottom),
        path=np.column_stack([times, points]),
        path_time=times,
    )


class SearchDesk:
    """A user with videos whose tracks can be searched."""

    def __init__(self, engine: Engine, user_id: str = "") -> None:
        """user_id: of a user that is there, else of a new one."""
        self.engine = engine
        self.search = TrackSearch(engine)
        self.user_id = user_id or new_id()
        if not user_id:
            self.add(User(id=self.user_id, username=self.user_id, password_hash="-"))

    def add(self, row: Any) -> None:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.add(row)

    def add_video(self, recorded_at: datetime | None = None, **values: Any) -> Video:
        row = Video(
            id=new_id(),
            user_id=self.user_id,
            recorded_at=recorded_at,
            content_type="video/mp4",
            **({"tags": [], "size_bytes": 1, "sha256": "0"} | values),
        )
        self.add(row)
        return row

    def add_job(self, video: Video, *tracks: Track, **values: Any) -> Job:
        """An ended job with these tracks."""
        row = Job(
            id=new_id(),
            user_id=self.user_id,
            video_id=video.id,
            **({"model": "m", "options": {}, "state": "succeeded", "failed_ranges": []} | values),
        )
        self.add(row)
        assert self.index(row, video, *tracks)
        return row

    def index(self, job: Job, video: Video, *tracks: Track, labels: tuple[str, ...] = LABELS) -> bool:
        return index(self.engine, job, video, lambda: (replace(HEADER, labels=labels), of_tracks(tracks)))

    def pages(self, query: str = "", limit: int = 200) -> Iterator[list[Hit]]:
        """All pages of a search."""
        question, place = question_of(QueryParams(query)), None
        while True:
            page = self.search.page(self.user_id, question, place, limit)
            yield page.hits
            if page.after is None:
                return
            place = page.after

    def found(self, query: str = "", limit: int = 200) -> list[tuple[str, int]]:
        """Job and number of the tracks on all pages."""
        return [(hit.run.job_id, hit.row.number) for page in self.pages(query, limit) for hit in page]

    def page(self, query: str, place: Place | None, limit: int) -> tuple[list[int], Place | None]:
        """The numbers of the tracks of one page."""
        page = self.search.page(self.user_id, question_of(QueryParams(query)), place, limit)
        return [hit.row.number for hit in page.hits], page.after
