"""Users share the processors and the renderers; what does not fit waits in the tables. On a real Valkey."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.canvas import Signature
from kombu.exceptions import OperationalError
from sqlalchemy.exc import ProgrammingError

from contracts.coordination import names
from contracts.database.tables import Job, Rendition, User, Video, new_id, utcnow
from contracts.errors import StorageFull, StorageUnavailable
from contracts.settings.table import Settings
from contracts.storage.port import video_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import ProbeReport, encode
from contracts.wire.pictures import FramePicture, FrameRequest
from contracts.wire.renditions import RenditionState, rendition_id
from contracts.wire.tasks import QUEUE_PROBE, QUEUE_PROCESSOR
from media.child_output import ChildKilled
from processor import user_share
from processor.context import Services
from processor.jobs import planning, probing
from processor.jobs.planning import process_video
from processor.jobs.probing import MOST_TRIES, probe_video
from processor.jobs.reaper import resend_probes
from processor.probe.ask import probe
from processor.renditions import asked_frames, steps
from processor.task_signatures import frames_signature
from processor.user_share import Leases, send_waiting, share, wait_with_frames
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, clip

REFUSED = ProbeReport(refused="made so")


@pytest.fixture(scope="module")
def small() -> Clip:
    return clip(frames=5)


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path, valkey, PROCESSOR_CONCURRENCY=2)
    with redis.Redis.from_url(made.settings.coordination_url) as client:
        client.flushdb()
    purged(made, QUEUE_PROBE)
    purged(made, QUEUE_PROCESSOR)
    yield made
    made.close()


def purged(desk: InProcessProcessor, queue: str) -> int:
    """How many messages were in a queue, in which there is none now."""
    with desk.services.celery.connection_for_read() as connection:
        return int(connection.default_channel.queue_purge(queue) or 0)


def other_user(desk: InProcessProcessor) -> str:
    user = User(id=new_id(), username="dave", password_hash="-")
    desk.add(user)
    return user.id


def unprobed(desk: InProcessProcessor, user: str, *, seconds_old: int = 60) -> str:
    """A video that waits for its probe."""
    created = utcnow() - timedelta(seconds=seconds_old)
    video = Video(id=new_id(), user_id=user, content_type="", tags=[], size_bytes=1, sha256="", created_at=created)
    desk.add(video)
    return video.id


def refused(desk: InProcessProcessor, video_id: str) -> str | None:
    video = desk.services.repository.video(video_id)
    assert video is not None
    return video.refused


def test_a_user_gets_half_of_the_processes(desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    other = other_user(desk)
    first, second, theirs = unprobed(desk, desk.user), unprobed(desk, desk.user, seconds_old=50), unprobed(desk, other)

    def slow(*_: object) -> ProbeReport:
        with monkeypatch.context() as patched:
            patched.setattr(probing, "probe", lambda *_: REFUSED)
            for video_id in (first, second, theirs):  # their messages come while the first is being probed
                probe_video(desk.services, video_id)
        assert [refused(desk, video_id) for video_id in (first, second, theirs)] == [None, None, "made so"]
        assert purged(desk, QUEUE_PROBE) == 0
        return REFUSED

    monkeypatch.setattr(probing, "probe", slow)
    probe_video(desk.services, first)
    assert [refused(desk, video_id) for video_id in (first, second)] == ["made so", None]
    assert purged(desk, QUEUE_PROBE) == 1, "the one that waits is sent"
    monkeypatch.setattr(probing, "probe", lambda *_: REFUSED)
    probe_video(desk.services, second)
    assert refused(desk, second) == "made so"
    assert purged(desk, QUEUE_PROBE) == 0


def test_the_reaper_sends_as_many_probes_of_a_user_as_may_run(desk: InProcessProcessor) -> None:
    other = other_user(desk)
    for _ in range(4):
        unprobed(desk, desk.user)
    unprobed(desk, other)
    resend_probes(desk.services)
    assert purged(desk, QUEUE_PROBE) == 2


def test_a_probe_has_so_many_tries(desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    video = unprobed(desk, desk.user)

    def fail(error: Exception) -> None:
        def failing(*_: object) -> ProbeReport:
            raise error

        monkeypatch.setattr(probing, "probe", failing)
        with pytest.raises(type(error)):
            probe_video(desk.services, video)

    for _ in range(MOST_TRIES + 1):  # an outage says nothing about the video
        fail(StorageUnavailable("away"))
    for _ in range(MOST_TRIES):
        fail(MemoryError())
    assert refused(desk, video) is None
    probe_video(desk.services, video)
    assert f"in {MOST_TRIES} tries" in str(refused(desk, video))


def test_tries_whose_reader_is_killed_are_further_and_further_apart(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, pauses = unprobed(desk, desk.user), list[int]()
    lease = names.probe_lease(video)

    def killed(*_: object) -> ProbeReport:
        raise ChildKilled("the process was killed")

    monkeypatch.setattr(probing, "probe", killed)
    with redis.Redis.from_url(desk.settings.coordination_url) as client:
        for _ in range(MOST_TRIES):
            with pytest.raises(ChildKilled):
                probe_video(desk.services, video)
            pauses += [int(client.ttl(key)) for key in client.scan_iter(match=f"wd:claim:{lease}")]
            if desk.services.coordination.is_held(lease):
                probe_video(desk.services, video)  # a repeated message is no try
            desk.services.coordination.release(lease)
    assert [round(seconds, -1) for seconds in pauses] == [60, 300, 1500, 7500]
    probe_video(desk.services, video)
    assert f"in {MOST_TRIES} tries" in str(refused(desk, video))


@pytest.mark.parametrize("away", [StorageFull("full"), ProgrammingError("UPDATE", {}, Exception({"C": "57014"}))])
def test_a_video_that_was_read_is_not_refused_where_what_is_known_of_it_cannot_be_stored(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    reports: list[ProbeReport] = []

    def once(*given: Any) -> ProbeReport:
        reports.append(reports[0] if reports else probe(*given))
        return reports[0]

    def fail(*_: object) -> None:
        raise away

    video = unprobed(desk, desk.user)
    with desk.services.storage.create(video_key(video)) as sink:
        sink.write(small.content)
    monkeypatch.setattr(probing, "probe", once)
    with monkeypatch.context() as patched:
        if isinstance(away, StorageFull):
            patched.setattr(desk.services.storage, "create", fail)
        else:
            patched.setattr(desk.services.repository, "probed", fail)
        for _ in range(MOST_TRIES + 1):
            with pytest.raises(type(away)):
                probe_video(desk.services, video)
    probe_video(desk.services, video)
    found = desk.services.repository.video(video)
    assert found is not None
    assert (found.refused, found.media is None) == (None, False)
    assert video_key(video) in desk.files()


def test_probes_that_must_wait_keep_no_other_waiting(desk: InProcessProcessor) -> None:
    for _ in range(20):
        desk.services.coordination.acquire(names.probe_lease(unprobed(desk, desk.user)), 60)
    unprobed(desk, desk.user, seconds_old=50)
    resend_probes(desk.services)
    assert purged(desk, QUEUE_PROBE) == 1
    send_waiting(desk.services, desk.user)
    assert purged(desk, QUEUE_PROBE) == 1


def test_a_job_waits_for_the_probe_and_is_planned_after_it(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not probe by itself: that would go past the user's share."""
    monkeypatch.setattr(planning, "advance", lambda *_, **__: False)  # no detector is sent anything
    video = unprobed(desk, desk.user)
    with desk.services.storage.create(video_key(video)) as sink:
        sink.write(small.content)
    job = Job(user_id=desk.user, video_id=video, model="nanodet-g", options={}, state="queued", failed_ranges=[])
    desk.add(job)
    process_video(desk.services, job.id)
    assert desk.job(job.id).state == JobState.PLANNING
    assert purged(desk, QUEUE_PROCESSOR) == 0
    probe_video(desk.services, video)
    assert purged(desk, QUEUE_PROCESSOR) == 2  # the poster and the job
    process_video(desk.services, job.id)
    assert desk.job(job.id).state == JobState.RUNNING


def test_copies_are_made_by_turns(desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    other = other_user(desk)
    begun: list[str] = []

    def make(services: Services, row: Rendition, _: Leases) -> None:
        begun.append(row.user_id)
        assert services.repository.move_rendition(row, RenditionState.READY)

    monkeypatch.setattr(steps, "_under_lease", make)
    made = [copy(desk, desk.user, place) for place in range(4)] + [copy(desk, other, place) for place in (4, 5)]
    for rendition in made:
        steps.render(desk.services, rendition)
    assert begun == [desk.user, other, desk.user, other, desk.user, desk.user]


def copy(desk: InProcessProcessor, user: str, place: int) -> str:
    """A playable copy that waits."""
    video = unprobed(desk, user)
    row = Rendition(
        id=rendition_id(video, None, "playable"),
        user_id=user,
        video_id=video,
        kind="playable",
        options={},
        state="queued",
        created_at=utcnow() + timedelta(seconds=place),
    )
    desk.add(row)
    return row.id


def test_a_poster_takes_a_place_of_its_user(desk: InProcessProcessor, small: Clip) -> None:
    video = desk.add_video(small)
    poster = rendition_id(video.id, None, "poster")
    purged(desk, QUEUE_PROCESSOR)
    assert desk.services.coordination.acquire(names.user_share(desk.user, 0), 60)
    steps.render(desk.services, poster)
    assert row_state(desk, poster) == RenditionState.QUEUED
    assert purged(desk, QUEUE_PROCESSOR) == 0, "it is not sent round and round"
    desk.services.coordination.release(names.user_share(desk.user, 0))
    steps.render(desk.services, poster)
    assert row_state(desk, poster) == RenditionState.READY


def test_pictures_of_frames_take_a_place_of_their_user_and_are_sent_first(
    desk: InProcessProcessor, small: Clip
) -> None:
    video = desk.add_video(small)
    first = Leases(desk.services.coordination.locks, "something else")
    assert first.take(names.user_share(desk.user, 0))
    request_of(desk, video.id)
    purged(desk, QUEUE_PROCESSOR)
    asked_frames.make_frames(desk.services, video.id)
    assert desk.services.live.llen("wd:reply:" + names.frame_reply("reply")) == 0
    assert purged(desk, QUEUE_PROCESSOR) == 0, "it is not sent round and round"
    assert desk.services.coordination.requests.waiting(names.frames_waiting(desk.user))
    unprobed(desk, desk.user)
    first.release()
    send_waiting(desk.services, desk.user)
    assert (purged(desk, QUEUE_PROBE), purged(desk, QUEUE_PROCESSOR)) == (0, 1)
    assert not desk.services.coordination.requests.waiting(names.frames_waiting(desk.user))
    asked_frames.make_frames(desk.services, video.id)
    assert desk.services.live.llen("wd:reply:" + names.frame_reply("reply")) == 1
    assert purged(desk, QUEUE_PROBE) == 1, "then what waits in the tables"


def test_a_place_that_was_free_again_before_pictures_wait_is_taken(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = desk.add_video(small)
    other = Leases(desk.services.coordination.locks, "something else")
    assert other.take(names.user_share(desk.user, 0))

    def ended_meanwhile(*arguments: Any) -> None:
        other.release()
        send_waiting(desk.services, desk.user)
        wait_with_frames(*arguments)

    monkeypatch.setattr(asked_frames, "wait_with_frames", ended_meanwhile)
    request_of(desk, video.id)
    asked_frames.make_frames(desk.services, video.id)
    assert desk.services.live.llen("wd:reply:" + names.frame_reply("reply")) == 1


def test_a_video_waits_once_and_the_one_after_the_last_that_may_is_sent_again(desk: InProcessProcessor) -> None:
    for _ in range(65):
        wait_with_frames(desk.services, desk.user, "often")
    wait_with_frames(desk.services, desk.user, "other")
    waiting = names.frames_waiting(desk.user)
    assert desk.services.coordination.requests.take(waiting) == [b"often", b"other"]
    for number in range(64):
        wait_with_frames(desk.services, desk.user, str(number))
    assert purged(desk, QUEUE_PROCESSOR) == 0
    wait_with_frames(desk.services, desk.user, "one too many")
    assert purged(desk, QUEUE_PROCESSOR) == 1
    assert len(desk.services.coordination.requests.take(waiting)) == 64


@pytest.mark.parametrize("gone", ["answered", "deleted"])
def test_a_probe_is_sent_in_place_of_pictures_that_nobody_waits_for(desk: InProcessProcessor, gone: str) -> None:
    video = new_id()
    if gone == "deleted":
        request_of(desk, video)
    wait_with_frames(desk.services, desk.user, video)
    unprobed(desk, desk.user)
    send_waiting(desk.services, desk.user)
    assert (purged(desk, QUEUE_PROBE), purged(desk, QUEUE_PROCESSOR)) == (1, 0)


def test_a_message_of_pictures_that_nobody_waits_for_any_more_gives_its_turn_on(
    desk: InProcessProcessor, small: Clip
) -> None:
    video = desk.add_video(small)
    unprobed(desk, desk.user)
    purged(desk, QUEUE_PROBE)
    asked_frames.make_frames(desk.services, video.id)
    assert purged(desk, QUEUE_PROBE) == 1


def test_pictures_that_cannot_be_sent_go_on_waiting(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [desk.add_video(small).id for _ in range(3)]
    for video in videos:
        request_of(desk, video)
        wait_with_frames(desk.services, desk.user, video)
    purged(desk, QUEUE_PROCESSOR)

    def sent(services: Services, video_id: str) -> Signature:
        if video_id == videos[1]:
            raise OperationalError("the broker is away")
        return frames_signature(services, video_id)

    with monkeypatch.context() as patched:
        patched.setattr(user_share, "frames_signature", sent)
        send_waiting(desk.services, desk.user)
    assert purged(desk, QUEUE_PROCESSOR) == 1
    send_waiting(desk.services, desk.user)
    assert purged(desk, QUEUE_PROCESSOR) == 2


def request_of(desk: InProcessProcessor, video: str) -> None:
    """Somebody waits for a picture of a video."""
    request = encode(FrameRequest(FramePicture(frame=0), "reply"))
    assert desk.services.coordination.requests.add(names.frame_requests(video), request, 64, 30)


def row_state(desk: InProcessProcessor, row_id: str) -> str:
    row = desk.services.repository.rendition(row_id)
    assert row is not None
    return row.state


def test_the_share_grows_with_the_processors(desk: InProcessProcessor) -> None:
    def of(processors: int, concurrency: int = 2, autoscale: int = 0) -> int:
        settings = Settings(processor_concurrency=concurrency, processor_autoscale=autoscale)
        return share(dataclasses.replace(desk.services, settings=settings, processors=lambda: processors))

    assert [of(0), of(1), of(4), of(1, concurrency=1), of(1, autoscale=9)] == [1, 1, 4, 1, 4]
