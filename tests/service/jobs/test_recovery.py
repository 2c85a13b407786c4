"""Recovery has its turn whatever else the processors do, and a job is merged by one of them. On a real Valkey."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Consumer, Message

from contracts.coordination import names
from contracts.database.tables import Job, utcnow
from contracts.errors import StoreUnavailable
from contracts.results import chunk_codec, result_file
from contracts.storage.port import result_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import ChunkFailure
from contracts.wire.tasks import HOUSEKEEP, PROCESS_VIDEO, QUEUE_RECOVERY, REAP
from processor import periodic, tasks
from processor.context import Services, context
from processor.jobs import finishing
from processor.jobs.advance import follow_up
from processor.jobs.reaper import resend_jobs
from processor.periodic import CleanUp, clean_up, recover, send_periodic
from processor.worker import options
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, clip


@pytest.fixture(scope="module")
def small() -> Clip:
    return clip(frames=5)


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path, valkey)
    with redis.Redis.from_url(made.settings.coordination_url) as client:
        client.flushdb()
    yield made
    made.close()


def test_recovery_does_not_wait_behind_the_work_that_waits(desk: InProcessProcessor) -> None:
    app, came = desk.services.celery, list[str]()

    def take(message: Message) -> None:
        came.append(str(message.headers["task"]))
        message.ack()

    for number in range(20):
        app.signature(PROCESS_VIDEO, args=(str(number),)).apply_async()
    for task in (REAP, HOUSEKEEP):
        app.signature(task).apply_async()
    with app.connection_for_read() as connection, connection.channel() as channel:
        channel.basic_qos(0, 1, False)
        queues = [app.amqp.queues[name] for name in options(desk.settings)["queues"]]
        with Consumer(channel, queues, on_message=take, accept=["json"]):
            while not {REAP, HOUSEKEEP} <= set(came):
                connection.drain_events(timeout=30)
    assert len(came) < 10


def test_recovery_that_waits_is_neither_sent_again_nor_too_late(desk: InProcessProcessor) -> None:
    """All processors may be busy for long, and with work of which there is always more: they take one message of each
    queue in turn, and would only ever come to messages that have expired."""
    app, came = desk.services.celery, list[Message]()

    def take(message: Message) -> None:
        came.append(message)
        message.ack()

    with app.connection_for_read() as connection, connection.channel() as channel:
        queue = app.amqp.queues[QUEUE_RECOVERY](channel)
        queue.purge()
        for turn in (1, 2):
            for _ in range(5):
                send_periodic(app)
            with Consumer(channel, [queue], on_message=take, accept=["json"]):
                while len(came) < 2 * turn:
                    connection.drain_events(timeout=30)
            assert queue.get() is None
    assert [message.headers["task"] for message in came] == [REAP, HOUSEKEEP] * 2
    assert {message.headers["expires"] for message in came} == {None}


def test_all_of_recovery_is_tried_and_clean_up_is_no_part_of_it(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fail(_: Services) -> None:
        raise StoreUnavailable("away")

    def note(name: str) -> None:
        done.append(name)

    jobs = (CleanUp("test-a", None, fail), CleanUp("test-b", None, lambda _: note("cleaned up")))
    monkeypatch.setattr(periodic, "RECOVERY", (fail, lambda _: note("sent again")))
    monkeypatch.setattr(periodic, "CLEAN_UPS", jobs)
    with pytest.raises(StoreUnavailable):
        recover(desk.services)
    assert done == ["sent again"]
    clean_up(desk.services)
    assert done == ["sent again", "cleaned up"]


def test_a_job_is_merged_by_one_process_at_a_time(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan of a long video takes a GB of memory: a merge that comes too early or twice does not read it."""
    job = desk.start_job(desk.add_video(small))
    desk.change(Job, job.id, created_at=utcnow() - timedelta(minutes=1))
    closed = chunk_codec.encode_failure(ChunkFailure("decode_failed", "made so"))
    desk.services.store.put_chunk(job.id, 0, closed)
    with monkeypatch.context() as patched:
        patched.setattr(finishing, "read_plan", lambda *_: pytest.fail("the plan was read"))
        assert desk.services.coordination.acquire(names.merge_lease(job.id), 60)
        assert follow_up(desk.services, job.id)
        assert desk.job(job.id).state == JobState.MERGING
        resend_jobs(desk.services)  # nor is it sent again meanwhile
        assert not desk.services.coordination.is_held(names.send_job(job.id, JobState.MERGING))
    desk.services.coordination.release(names.merge_lease(job.id))
    assert follow_up(desk.services, job.id)
    assert desk.job(job.id).state == JobState.FAILED
    assert not desk.services.coordination.is_held(names.merge_lease(job.id))


def test_chunks_are_freed_when_the_result_file_stands(desk: InProcessProcessor, small: Clip) -> None:
    job = desk.add_job(desk.add_video(small))
    with redis.Redis.from_url(desk.settings.result_store_url) as client:
        assert 0 < client.ttl(f"wd:job:{job.id}:chunks") <= finishing._KEPT_SECONDS
        assert client.ttl(f"wd:job:{job.id}:state") > finishing._KEPT_SECONDS
    assert desk.services.store.cancelled(job.id), "a detector would compute a chunk that comes late"


def test_a_merge_that_was_suspended_leaves_the_result_of_another_as_it_is(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.start_job(desk.add_video(small))
    store = desk.services.store
    store.put_chunk(job.id, 0, chunk_codec.encode_failure(ChunkFailure("decode_failed", "made so")))
    write = result_file.write

    def suspended(*arguments: Any) -> None:
        monkeypatch.setattr(result_file, "write", write)
        desk.services.coordination.release(names.merge_lease(job.id))
        assert follow_up(desk.services, job.id)  # by another process
        ended.append(desk.result(job).read_bytes())
        write(*arguments)
        arguments[0].write(b"late")

    ended: list[bytes] = []
    monkeypatch.setattr(result_file, "write", suspended)
    assert follow_up(desk.services, job.id)
    assert desk.job(job.id).state == JobState.FAILED
    assert [desk.result(job).read_bytes()] == ended


def test_data_of_deleted_jobs_is_removed(desk: InProcessProcessor, small: Clip) -> None:
    video = desk.add_video(small)
    job, kept = desk.add_job(video), desk.add_job(video)
    context.install(desk.services)
    tasks.remove_jobs(video.id, [job.id])
    assert result_key(video.id, job.id) not in desk.files()
    assert result_key(video.id, kept.id) in desk.files()
    assert desk.services.store.chunk_indexes(job.id) == frozenset()
