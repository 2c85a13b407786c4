"""Stored tracks come into the index by the periodic job and by the command, whatever else is wrong."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session

from api.operator.backup import BackupPaths, take
from api.operator.backup_file import Reader
from contracts.database.tables import IndexedJob, IndexedTrack, Job
from contracts.results import tracks_file
from contracts.results.tracks import TrackerParameters, Tracks, TracksState, TracksStep, of_tracks
from contracts.results.tracks_file import TracksFile, TracksHeader
from contracts.storage.port import tracking_key, tracks_key
from contracts.wire.messages import from_json, to_json
from processor.search import backfill
from processor.search.backfill import index_missing
from processor.search.index import index_tracks
from processor.search.rows import SearchRows
from processor.tracking import tracking
from processor.tracking.tracking import track_job
from tests.support.operator_command import command
from tests.support.processor_bench import InProcessProcessor
from tests.support.searching import SearchDesk, track
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip

READY = to_json(TracksState(TracksStep.READY))
TRACKS = of_tracks([track(1), track(2, start=500, length=10)])


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path / "data", valkey)
    yield made
    made.close()


@pytest.fixture
def jobs(desk: InProcessProcessor) -> list[Job]:
    """Two jobs on two videos, whose tracks are stored."""
    made = [desk.add_job(desk.add_video(clip(frames=30))) for _ in range(2)]
    for job in made:
        with desk.services.storage.create(tracks_key(job.video_id, job.id)) as sink:
            header = TracksHeader(1, "made", 1, TrackerParameters(), "")
            tracks_file.write(sink, header, [], TRACKS.id, TRACKS)
        desk.change(Job, job.id, tracks=READY)
    return sorted(made, key=lambda job: job.id)


def found(desk: InProcessProcessor) -> list[tuple[str, int]]:
    return sorted(SearchDesk(desk.engine, desk.user).found())


def found_of(desk: InProcessProcessor, job: Job) -> list[tuple[str, int]]:
    return [pair for pair in found(desk) if pair[0] == job.id]


def both(job: Job) -> list[tuple[str, int]]:
    return [(job.id, 1), (job.id, 2)]


def test_what_is_not_indexed_is_by_itself(desk: InProcessProcessor, jobs: list[Job]) -> None:
    assert index_tracks(desk.services, jobs[0], TRACKS)
    assert found(desk) == both(jobs[0])
    assert not index_missing(desk.services)
    assert found(desk) == both(jobs[0]) + both(jobs[1])
    with Session(desk.engine) as session:
        assert session.scalar(select(func.count()).select_from(IndexedTrack)) == 4


def test_it_goes_on_later_where_there_is_much(
    desk: InProcessProcessor, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_SECONDS", -1)
    assert index_missing(desk.services)
    assert found(desk) == both(jobs[0])
    assert index_missing(desk.services)
    assert not index_missing(desk.services)
    assert found(desk) == both(jobs[0]) + both(jobs[1])


def test_one_that_cannot_be_read_keeps_no_other_from_it(
    desk: InProcessProcessor, jobs: list[Job], caplog: pytest.LogCaptureFixture
) -> None:
    with desk.services.storage.create(tracks_key(jobs[0].video_id, jobs[0].id)) as sink:
        sink.write(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert not index_missing(desk.services)
    assert f"{jobs[0].id} cannot be searched" in caplog.text
    assert found(desk) == both(jobs[1])
    with Session(desk.engine) as session:
        assert session.scalars(select(IndexedJob.job_id)).all() == [jobs[1].id], "nothing is left of the other"


def retrack(desk: InProcessProcessor, job: Job) -> None:
    desk.change(Job, job.id, tracks=to_json(TracksState(TracksStep.QUEUED)))
    track_job(desk.services, job.id)


def test_no_tracks_of_before_replace_those_that_are_made_meanwhile(
    desk: InProcessProcessor, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = TracksFile.tracks

    def meanwhile(file: TracksFile) -> Tracks:
        monkeypatch.undo()
        retrack(desk, jobs[0])
        return read(file)

    monkeypatch.setattr(TracksFile, "tracks", meanwhile)
    assert not index_missing(desk.services)
    state = from_json(desk.job(jobs[0].id).tracks, TracksState)
    assert (state.state, state.tracks) == (TracksStep.READY, len(found_of(desk, jobs[0])))
    assert found_of(desk, jobs[0]) != both(jobs[0])


def test_tracks_are_not_ready_before_they_can_be_searched(
    desk: InProcessProcessor, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = SearchRows.write

    def meanwhile(rows: SearchRows, *args: Any) -> None:
        monkeypatch.undo()
        rows.begin(jobs[0], None)  # of a process that dies
        write(rows, *args)

    monkeypatch.setattr(SearchRows, "write", meanwhile)
    retrack(desk, jobs[0])
    assert from_json(desk.job(jobs[0].id).tracks, TracksState).state is TracksStep.QUEUED
    assert found_of(desk, jobs[0]) == []
    track_job(desk.services, jobs[0].id)
    assert from_json(desk.job(jobs[0].id).tracks, TracksState).state is TracksStep.READY
    assert found_of(desk, jobs[0])


def test_what_the_database_refuses_again_and_again_is_given_up(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is tracked in slices, each of which is no try."""
    monkeypatch.setattr(tracking, "SLICE_SECONDS", -1.0)
    job = desk.add_job(desk.add_video(clip(frames=300)))

    def track_all() -> None:
        for _ in range(20):
            track_job(desk.services, job.id)

    for kind in (DataError, OperationalError, *(DataError,) * tracking.MOST_TRIES):
        monkeypatch.setattr(tracking, "index_tracks", Mock(side_effect=kind("INSERT", {}, Exception("refused"))))
        with pytest.raises(kind):
            track_all()
    assert tracking_key(job.video_id, job.id) in desk.files(), "it was tracked in slices"
    track_job(desk.services, job.id)
    failed = from_json(desk.job(job.id).tracks, TracksState)
    assert failed.state is TracksStep.FAILED
    assert "3 tries" in str(failed.error)


def test_the_command_indexes_what_is_missing_or_all(desk: InProcessProcessor, jobs: list[Job]) -> None:
    desk.services.storage.delete(tracks_key(jobs[0].video_id, jobs[0].id))
    ended = command(desk.environ, "index")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "1 jobs were indexed, 1 cannot be"
    assert found(desk) == both(jobs[1])
    desk.change(Job, jobs[0].id, tracks=None)
    ended = command(desk.environ, "index", "--all", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"job_id": jobs[1].id, "problem": None})
    assert found(desk) == both(jobs[1])


def test_the_index_is_not_in_backups(desk: InProcessProcessor, jobs: list[Job], tmp_path: Path) -> None:
    index_missing(desk.services)
    written = io.BytesIO()
    take(desk.engine, desk.services.storage, written, BackupPaths(tmp_path / "models", None))
    written.seek(0)
    tables = Reader(written).manifest.tables
    assert tables["jobs"] == len(jobs)
    assert not {"tracks", "indexed_jobs", "search_terms"} & set(tables)
