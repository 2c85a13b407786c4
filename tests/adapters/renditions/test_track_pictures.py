"""Pictures of a job's tracks are made after the tracks, and anew with them; those of other tracks are never shown."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete

from contracts.database.tables import Job, Rendition, Video
from contracts.results.pictures_file import PicturesFile
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import rendition_key, tracks_key
from contracts.storage.removal import remove_job_data
from contracts.wire.messages import to_json
from contracts.wire.renditions import PICTURES, RenditionState, rendition_id
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import orphans
from processor.renditions import steps
from processor.tracking.tracking import track_job
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path_factory.mktemp("pictures"), valkey, REAPER_SECONDS=3600)
    yield made
    made.close()


@pytest.fixture(scope="module")
def video(desk: InProcessProcessor) -> Video:
    return desk.add_video(clip(frames=60))


@pytest.fixture
def job(desk: InProcessProcessor, video: Video) -> Iterator[Job]:
    """A job that has just been tracked."""
    ended = desk.add_job(video)
    track_job(desk.services, ended.id)
    yield desk.job(ended.id)
    with desk.engine.begin() as connection:
        connection.execute(delete(Rendition).where(Rendition.job_id == ended.id))
        connection.execute(delete(Job))
    remove_job_data(desk.services.storage, None, video.id, ended.id)


def row(desk: InProcessProcessor, job: Job) -> Rendition | None:
    return desk.services.repository.rendition(rendition_id(job.video_id, job.id, PICTURES))


def state(desk: InProcessProcessor, job: Job) -> RenditionState | None:
    found = row(desk, job)
    return None if found is None else RenditionState(found.state)


def key(job: Job) -> str:
    return rendition_key(job.video_id, job.id, PICTURES)


def render(desk: InProcessProcessor, job: Job) -> RenditionState | None:
    steps.render(desk.services, rendition_id(job.video_id, job.id, PICTURES))
    return state(desk, job)


def again(desk: InProcessProcessor, job: Job, **parameters: int) -> None:
    """Other tracks are wanted."""
    wanted = TracksState(TracksStep.QUEUED, TrackerParameters(**parameters), tracker="t 1", tracks=1)
    desk.change(Job, job.id, tracks=to_json(wanted))


def test_they_are_made_after_the_tracks(desk: InProcessProcessor, job: Job) -> None:
    assert state(desk, job) is RenditionState.QUEUED
    assert render(desk, job) is RenditionState.READY
    with (
        (desk.storage / tracks_key(job.video_id, job.id)).open("rb") as tracks,
        (desk.storage / key(job)).open("rb") as pictures,
    ):
        shown, made = TracksFile(tracks), PicturesFile(pictures)
        assert made.header.of == shown.header.digest()
        assert set(made.names) == {str(number) for number in range(1, len(shown) + 1)}
        assert all((made.picture(name) or b"").startswith(b"\xff\xd8") for name in made.names)


def test_other_tracks_get_other_pictures_and_those_of_before_are_gone_at_once(
    desk: InProcessProcessor, job: Job
) -> None:
    render(desk, job)
    again(desk, job, min_frames=4)
    assert state(desk, job) is RenditionState.READY, "the tracks of before are still shown"
    track_job(desk.services, job.id)
    assert (state(desk, job), key(job) in desk.files()) == (RenditionState.QUEUED, False)
    assert render(desk, job) is RenditionState.READY


def test_none_are_made_while_tracks_are_being_made(desk: InProcessProcessor, job: Job) -> None:
    again(desk, job)
    assert render(desk, job) is RenditionState.QUEUED


def test_a_job_without_tracks_any_more_has_no_pictures(desk: InProcessProcessor, job: Job) -> None:
    render(desk, job)
    again(desk, job, min_frames=1000)
    track_job(desk.services, job.id)
    assert (row(desk, job), key(job) in desk.files()) == (None, False)


def test_they_are_owned_by_their_row_and_go_with_the_job(desk: InProcessProcessor, job: Job) -> None:
    render(desk, job)
    stores = DataStores(desk.inventory, desk.services.storage, None, None)
    assert list(orphans(stores, 0)) == []
    with desk.engine.begin() as connection:
        connection.execute(delete(Rendition).where(Rendition.job_id == job.id))
    assert [orphan.name for orphan in orphans(stores, 0)] == [key(job)]
    remove_job_data(desk.services.storage, None, job.video_id, job.id)
    assert key(job) not in desk.files()


def test_a_service_that_makes_none_forgets_those_of_other_tracks(desk: InProcessProcessor, job: Job) -> None:
    render(desk, job)
    again(desk, job, min_frames=4)
    off = replace(desk.services, settings=replace(desk.settings, track_pictures="off"))
    track_job(off, job.id)
    assert (row(desk, job), key(job) in desk.files()) == (None, False)
