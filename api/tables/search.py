"""Tracks of all videos of a user, as the api searches them. Users see only their own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Text, cast, func, select
from sqlalchemy.orm import Session

from analytics.search.hours import DAY_MS, EVER, Span, common, merged, spans
from api.search.matching import Matcher
from api.search.place import NOBODY, Place
from api.search.question import Question
from api.search.replaced import IndexedRun, replaced
from api.tables.track_lanes import Key
from api.tables.track_walk import Ground, Walk
from contracts.database.engine import Database
from contracts.database.tables import UNDATED, IndexedJob, Job, SearchTerm, Video
from contracts.wire.messages import Options, from_json

_ALL: Span = (2 * UNDATED, EVER[1])
_LARGEST_ID = 2**31 - 1
# Rows that are read beyond what a page needs, for those that do not match.
_SPARE = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A track that was found. row: columns of an IndexedTrack."""

    run: IndexedRun
    label: str
    row: Any

    @property
    def place(self) -> Place:
        return Place(self.row.score, self.row.at, self.run.job_id, self.row.number)


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of hits. after: where the next one begins, None at the end. Since only so many rows are looked at for a
    page, one with room left may have a next one."""

    hits: list[Hit]
    after: Place | None


class TrackSearch:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def page(self, user_id: str, question: Question, place: Place | None, limit: int) -> Hits:
        """A page of the tracks that a question asks for, after a place."""
        with self._database.read() as session:
            labels = _terms(session, user_id, "label", question.labels)
            ground = _ground(session, user_id, question, list(labels))
            if ground is None:
                return Hits([], None)
            return _Search(session, user_id, question, labels, ground).page(place, limit)


class _Search:
    """One page of a search."""

    def __init__(
        self, session: Session, user_id: str, question: Question, labels: dict[int, str], ground: Ground
    ) -> None:
        self._session, self._user_id, self._question = session, user_id, question
        self._labels, self._ground = labels, ground
        self._runs: dict[int, IndexedRun | None] = {}

    def page(self, place: Place | None, limit: int) -> Hits:
        """The hits after a place."""
        walk = Walk(self._session, self._question, self._ground)
        matcher = Matcher(self._question, self._ground.spans, self._ground.jobs)
        hits: list[Hit] = []
        for bite in walk.bites(self._key(place), limit + _SPARE):
            hits += self._shown(matcher.matching(bite))
            if len(hits) > limit:
                return Hits(hits[:limit], hits[limit - 1].place)
        return Hits(hits, self._place(walk.stopped_after))

    def _shown(self, rows: list[Any]) -> list[Hit]:
        """The rows whose jobs count, as hits."""
        if unknown := {row.indexed_job_id for row in rows} - self._runs.keys():
            self._runs |= dict.fromkeys(unknown)
            found = _runs(self._session, self._user_id, unknown)
            hidden = replaced(found) if self._question.job is None else set()
            self._runs |= {run.id: None if run.id in hidden else run for run in found}
        return [Hit(run, self._labels[row.label], row) for row in rows if (run := self._runs[row.indexed_job_id])]

    def _key(self, place: Place | None) -> Key | None:
        """A place in the order of rows. Where its job is gone, those of the same millisecond may come again."""
        if place is None:
            return None
        statement = select(IndexedJob.id).where(IndexedJob.job_id == place.job_id, IndexedJob.ready)
        job = 0 if place.job_id == NOBODY else self._session.scalar(statement) or _LARGEST_ID
        key = (place.at, job, place.number)
        return (place.score, *key) if self._question.order == "score" else key

    def _place(self, key: Key | None) -> Place | None:
        if key is None:
            return None
        at, job, number = key[-3:]
        job_id = self._session.scalar(select(IndexedJob.job_id).where(IndexedJob.id == job))
        score = key[0] if self._question.order == "score" else 0
        return Place(score, at, job_id or NOBODY, number)


def _ground(session: Session, user_id: str, question: Question, labels: list[int]) -> Ground | None:
    """Where the hits of a question are; None where there are none."""
    if not labels:
        return None
    found = _spans(session, user_id, question)
    sources: list[int | None] | None = None
    if question.source is not None:
        sources = list(_terms(session, user_id, "source", (question.source,)))
    jobs = None
    if question.names_videos:
        chosen = _chosen(session, user_id, question)
        jobs = frozenset(row.id for row in chosen)
        found = list(common(found, merged((row.first_at, row.last_at + 1) for row in chosen)))
        own = {row.source for row in chosen}
        sources = sorted(own if sources is None else own.intersection(sources), key=lambda source: source or 0)
    return Ground(labels, sources, found, found != [_ALL], jobs) if found and sources != [] else None


def _spans(session: Session, user_id: str, question: Question) -> list[Span]:
    """When hits begin, the latest first."""
    if not question.dated:
        return [_ALL]
    if question.hours.always:
        return [question.within]
    # Of the days on which something was recorded: these are few, however far apart they are.
    ends = select(func.min(IndexedJob.first_at), func.max(IndexedJob.last_at))
    mine = (IndexedJob.user_id == user_id, IndexedJob.first_at >= EVER[0])
    days = session.execute(ends.where(*mine).group_by(IndexedJob.first_at // DAY_MS)).all()
    recorded = merged((first, last + DAY_MS) for first, last in days if first is not None and last is not None)
    return [part for span in common([question.within], recorded) for part in spans(question.hours, span)]


def _terms(session: Session, user_id: str, kind: str, texts: Iterable[str]) -> dict[int, str]:
    """The numbers of a user's terms, all of a kind where no text is given."""
    statement = select(SearchTerm.id, SearchTerm.text).where(SearchTerm.user_id == user_id, SearchTerm.kind == kind)
    if wanted := list(texts):
        statement = statement.where(SearchTerm.text.in_(wanted))
    return {row.id: row.text for row in session.execute(statement)}


def _chosen(session: Session, user_id: str, question: Question) -> list[Any]:
    """The indexed jobs with tracks that a question names by job, video or tag."""
    # As the column has them, since many videos have the same ones: each is decoded once.
    tags = cast(Video.tags, Text)
    statement = (
        select(IndexedJob.id, IndexedJob.source, IndexedJob.first_at, IndexedJob.last_at, tags.label("tags"))
        .join(Job, Job.id == IndexedJob.job_id)
        .join(Video, Video.id == Job.video_id)
        .where(IndexedJob.user_id == user_id, IndexedJob.ready, IndexedJob.tracks > 0)
    )
    if question.job is not None:
        statement = statement.where(Job.id == question.job)
    if question.video is not None:
        statement = statement.where(Video.id == question.video)
    if question.tag is not None:
        # What only looks like it is left out below.
        statement = statement.where(tags.contains(json.dumps(question.tag), autoescape=True))
    rows = session.execute(statement).all()
    tagged = {text: question.tag is None or question.tag in json.loads(text) for text in {row.tags for row in rows}}
    return [row for row in rows if tagged[row.tags]]


def _runs(session: Session, user_id: str, ids: Iterable[int]) -> list[IndexedRun]:
    """The indexed jobs with these numbers that are ready, and all others of the same videos."""
    videos = select(Job.video_id).join(IndexedJob, IndexedJob.job_id == Job.id).where(IndexedJob.id.in_(ids)).distinct()
    video_ids = session.scalars(videos).all()
    columns = (Job.id.label("job_id"), Job.video_id, Job.model, Job.options, Job.state, Job.created_at)
    statement = (
        select(
            IndexedJob.id, IndexedJob.tracks, IndexedJob.labels, *columns, Video.name.label("video_name"), Video.source
        )
        .select_from(IndexedJob)
        .join(Job, Job.id == IndexedJob.job_id)
        .join(Video, Video.id == Job.video_id)
        # `+ ""` disables the indexes on user_id: a user may have many jobs, but a page is of few videos.
        .where(Job.user_id + "" == user_id, IndexedJob.ready, Job.video_id.in_(video_ids))
    )
    found = session.execute(statement).mappings()
    return [IndexedRun(**{**row, "options": from_json(row["options"], Options)}) for row in found]
