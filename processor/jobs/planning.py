"""Plan a job, and send its first chunks. Every step is idempotent."""

import logging

from msgspec import UNSET
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError
from sqlalchemy.exc import OperationalError as DatabaseOutage

from contracts.coordination import names
from contracts.coordination.quotas import frames_key, next_day, quotas_of
from contracts.database.tables import Job, Video, utcnow
from contracts.errors import (
    DeadlinePassed,
    FramesUsedUp,
    InvalidOptions,
    NotFound,
    PlanFailed,
    Unavailable,
    VideoRefused,
    WebDetectorError,
)
from contracts.models.catalogue import Model
from contracts.results.codec import compress, decompress, time_ms
from contracts.runtime import steps
from contracts.runtime.tracing import working_on
from contracts.storage.port import index_key, video_key
from contracts.wire.job_states import TERMINAL, JobState
from contracts.wire.messages import (
    SCHEMA,
    JobPlan,
    Media,
    Options,
    PacketIndex,
    Plan,
    ResultHeader,
    decode,
    encode,
    from_json,
    to_json,
)
from contracts.wire.tasks import task_id
from processor.context import Services
from processor.core.chunk_messages import chunks
from processor.core.cutting import ADAPTIVE_FRAMES, FIRST_FRAMES, LAST_FRAMES, Cutter, Span
from processor.core.sampling import wanted
from processor.jobs.advance import advance
from processor.jobs.finishing import end_job, is_overdue, overdue, record_end, stop_reason
from processor.jobs.sending import send_again, start_next
from processor.jobs.stored_plan import drop_plan, keep_plan, layout_of, read_chunks, read_plan
from processor.probe.ask import probe
from processor.tries import TRIES_SECONDS

log = logging.getLogger(__name__)

MOST_TRIES = 5
# Of the servers that planning needs, and of their connections.
_OUTAGES = (Unavailable, RedisError, DatabaseOutage, InterfaceError, OSError)


class _NotProbed(Exception):
    """The video of the job has not been probed."""


def process_video(services: Services, job_id: str) -> None:
    """Plan a job that may start and send its first chunks. A repeated call resends chunks that may be lost."""
    job = services.repository.job(job_id)
    if job is None or job.state in TERMINAL or job.state == JobState.MERGING:
        return
    with working_on(job.traceparent, job=job.id, video=job.video_id), steps.step("plan"):
        _process(services, job)


def _process(services: Services, job: Job) -> None:
    if job.cancel_requested:
        _cancel(services, job)
        return
    if is_overdue(services, job) and job.state != JobState.RUNNING:
        _fail(services, job, DeadlinePassed(overdue(services.settings)))
        return
    if job.state == JobState.QUEUED and not services.repository.begin(job.id, services.settings.jobs_per_user):
        return  # the end of another job sends it again
    try:
        plan = _plan_in_few_tries(services, job)
    except _OUTAGES:
        raise  # the reaper sends it again
    except _NotProbed:
        return  # the end of the probe sends it again
    except WebDetectorError as error:
        _fail(services, job, error)
        return
    layout = layout_of(plan, plan.header)
    services.store.put_layout(job.id, layout)
    totals = {"frames_total": sum(layout.lengths), "chunks_total": len(layout.lengths)}
    services.repository.move(job.id, JobState.RUNNING, **totals)
    steps.note(frames=totals["frames_total"], chunks=totals["chunks_total"])
    log.info("job %s is planned: %d frames in %d chunks", job.id, totals["frames_total"], totals["chunks_total"])
    job = services.repository.job(job.id) or job
    if job.state != JobState.RUNNING:  # it was cancelled meanwhile
        drop_plan(services, job)
        return
    advance(services, job, repair=_resend_unstarted)


def _plan_in_few_tries(services: Services, job: Job) -> JobPlan:
    """The plan of a job. A try that ends unexpectedly, or with its process, counts; an outage of a server does not.

    Raises PlanFailed after the last try, before it what the try raises, and what `_make_plan` raises."""
    tries = names.plan_attempts(job.id)
    tried = services.coordination.count(tries, TRIES_SECONDS)
    failure = PlanFailed(f"planning failed {MOST_TRIES} times: report it to the operator, whose log has the details")
    if tried > MOST_TRIES:  # each ended with its process
        raise failure
    try:
        plan = read_plan(services, job) or _make_plan(services, job)
    except (*_OUTAGES, _NotProbed, WebDetectorError):
        services.coordination.reset_count(tries)
        raise
    except Exception as error:
        if tried < MOST_TRIES:
            raise
        log.exception("planning job %s failed", job.id)
        raise failure from error
    services.coordination.reset_count(tries)
    return plan


def _resend_unstarted(services: Services, job: Job, _: frozenset[int]) -> Job:
    """Send the sent chunks again when no detector has started any: their messages may be lost."""
    if job.chunks_sent and not services.store.attempts(job.id):
        send_again(services, read_chunks(services, job, range(job.chunks_sent)) or [])
    return job


def _make_plan(services: Services, job: Job) -> JobPlan:
    """Fix everything that determines the result, and store it next to the video."""
    video = services.repository.video(job.video_id)
    if video is None:
        raise NotFound("the video was deleted")
    media, index = _media_and_index(services, video)
    model = services.catalogue.get(job.model)
    options = from_json(job.options, Options)
    settled = Plan(model.id, model.digest(), model.engine, services.settings.precision, options)
    header = ResultHeader(SCHEMA, media, index.time_base, settled, model.labels, complete=False)
    spans = _spans(index, options, _chunk_sizes(services, model, options))
    _spend_frames(services, job, sum(len(span.times) for span in spans))
    plan = JobPlan(SCHEMA, header, chunks(spans, media, index, settled, job.id, video.id, model.pool))
    keep_plan(services, job, plan)
    return plan


def _spend_frames(services: Services, job: Job, frames: int) -> None:
    """Count the frames of a job that is being planned, once however often that is. Raises FramesUsedUp."""
    most = quotas_of(services.settings, services.repository.quotas(job.user_id)).frames_per_day
    now = utcnow()
    seconds = int((next_day(now) - now).total_seconds())
    spent = services.coordination.reserve(
        frames_key(job.user_id, now), task_id(job.id, "frames"), frames, most, seconds
    )
    if spent is not None:
        raise FramesUsedUp(
            f"the job would look at {frames} frames, and your other jobs have taken {spent} of your {most} "
            "for a day: look at fewer of them (every_n, sample_fps, start_ms, end_ms), or go on tomorrow (UTC)",
            seconds,
        )


def _chunk_sizes(services: Services, model: Model, options: Options) -> tuple[int, int, int]:
    """Target number of frames of a chunk, the first one and the last one: chunks of slow models must finish within the
    task time limit."""
    every = (services.settings.chunk_size, FIRST_FRAMES, LAST_FRAMES)
    size, first, last = every if options.frames is UNSET else ADAPTIVE_FRAMES
    return min(size, model.chunk_size or size), first, last


def _spans(index: PacketIndex, options: Options, chunk_sizes: tuple[int, int, int]) -> tuple[Span, ...]:
    cutter = Cutter(index)
    times = cutter.order.times
    picked = cutter.pick(cutter.cut(*chunk_sizes), wanted(times, index.time_base, options))
    if not picked:
        last = time_ms(times[-1], index.time_base)
        raise InvalidOptions(f"no frame lies in the part that start_ms and end_ms name: the video ends at {last} ms")
    return picked


def _media_and_index(services: Services, video: Video) -> tuple[Media, PacketIndex]:
    """Raises _NotProbed, VideoRefused."""
    if video.refused is not None:
        raise VideoRefused(video.refused)
    if video.media is None:
        raise _NotProbed
    index = _read_index(services, video)
    if index.locations is UNSET and index.frames is UNSET:
        return _index_again(services, video)
    return from_json(video.media, Media), index


def _index_again(services: Services, video: Video) -> tuple[Media, PacketIndex]:
    """Replace an index of release 1.0, which does not say where keyframes are. The video is kept in any case."""
    report = probe(services.storage, services.settings, video_key(video.id), video.fps)
    if report.media is None or report.index is None:
        raise VideoRefused(report.refused or "the video could not be read")
    with services.storage.create(index_key(video.id)) as sink:
        sink.write(compress(encode(report.index)))
    services.repository.probed(video.id, report.media, None)
    return from_json(to_json(report.media), Media), report.index


def _read_index(services: Services, video: Video) -> PacketIndex:
    with services.storage.open(index_key(video.id)) as source:
        return decode(decompress(source.read()), PacketIndex)


def _cancel(services: Services, job: Job) -> None:
    """End a cancelled job at once. Results of chunks still in progress are ignored."""
    if not end_job(services, job, stop_reason(services, job)):
        record_end(services, job, JobState.CANCELLED)
        start_next(services, job.user_id)


def _fail(services: Services, job: Job, error: WebDetectorError) -> None:
    log.warning("job %s failed: %s", job.id, error.detail)
    steps.fail(error.code)
    record_end(services, job, JobState.FAILED, error={"code": error.code, "detail": error.detail})
    drop_plan(services, job)
    start_next(services, job.user_id)
