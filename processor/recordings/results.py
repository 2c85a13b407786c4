"""The job of a recording: ended when it is added, with the results that were made live."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from contracts.database.tables import Job, Recording, Video, utcnow
from contracts.errors import CorruptData, UnknownModel
from contracts.live.results import block, is_tracked
from contracts.live.spec_of import options_of
from contracts.live.streams import TICKS_PER_SECOND, TIME_BASE
from contracts.results import result_file
from contracts.results.codec import Block, decompress
from contracts.results.tracks import Tracks
from contracts.storage.port import index_key, result_key, tracks_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import (
    SCHEMA,
    Media,
    Options,
    PacketIndex,
    Plan,
    ResultHeader,
    decode,
    from_json,
    to_json,
)
from processor.context import Services
from processor.core.frame_order import frame_order
from processor.core.merging import Tally
from processor.recordings.live_results import LiveResults, read_results
from processor.recordings.live_tracks import file_tracks, make_found, ready_state
from processor.recordings.matching import NOT_ANALYSED, Matched, match, plan_of_most
from processor.recordings.rows import RecordingRows
from processor.tracking.waiting import first_state, send_tracking

# A detector is at most seconds behind; results that come later than this are none.
_SETTLED = timedelta(seconds=10)


class Unsettled(Exception):
    """It is too early: something is still on its way."""


class _NoResult(Exception):
    """code, detail: why there is no result."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class _Result:
    matched: Matched
    header: ResultHeader


def add_job(
    services: Services, rows: RecordingRows, recording: Recording, video: Video, before_end: Callable[[], None]
) -> None:
    """Write the result of a recording whose video is probed, and file it. before_end: called before the last step.

    A recording of which nothing was analysed gets a failed job: no result must never look like no objects. Raises
    Unsettled while results may come, RedisError, NotFound, CorruptData, VideoRefused, StorageFull, StorageUnavailable.
    """
    if recording.end is None:
        raise CorruptData("the recording has no end")
    tick_0 = recording.started_at.timestamp() - recording.start / TICKS_PER_SECOND
    found = read_results(services.live, recording.source_id, recording.start, recording.end, tick_0)
    if found.after is None and recording.ended_at is not None and utcnow() - recording.ended_at < _SETTLED:
        raise Unsettled("its last results may still come")
    dropped: dict[str, int] = {}
    tracks: Tracks | None = None
    try:
        result = _result(services, recording, video, found)
        job: Job | None = _ended(services, recording, video, result)
        if job is not None and (tracks := _tracks(services, job, result, found.seen)) is not None:
            job.tracks = ready_state(tracks)
        dropped = _by_reason(result.matched)
    except _NoResult as error:
        job = _failed(rows, recording, video, found, error)
    before_end()
    filed = rows.file(recording, job, dropped)
    if job is not None and not filed:
        services.storage.delete(result_key(video.id, job.id))
        services.storage.delete(tracks_key(video.id, job.id))
    elif job is not None and tracks is not None:
        make_found(services, job, tracks)
    elif job is not None and job.tracks:
        send_tracking(services, job.id)


def job_id(recording_id: str) -> str:
    """The id of a recording's job: the same however often it is filed."""
    return str(uuid.uuid5(uuid.UUID(recording_id), "job"))


def _result(services: Services, recording: Recording, video: Video, found: LiveResults) -> _Result:
    """Raises _NoResult."""
    if not found.frames:
        raise _NoResult(NOT_ANALYSED, "no detector analysed the stream while this was recorded: run a job over it")
    chosen = plan_of_most(found.frames, found.plans)
    if chosen is None:
        raise _NoResult(NOT_ANALYSED, "it is not known any more what made the live results: run a job over it")
    plan, numbers = chosen
    labels = plan.labels or _labels(services, plan)
    with services.storage.open(index_key(video.id)) as source:
        index = decode(decompress(source.read()), PacketIndex)
    if index.time_base != TIME_BASE:
        raise CorruptData(f"the recording's video has the time base {index.time_base}")
    end = (recording.end or 0) - recording.start
    times, most = frame_order(index).times, plan.options.sample_fps
    matched = match(times, end, found.frames, recording.start, numbers, most, (found.before, found.after))
    if not matched.frames:
        raise _NoResult(NOT_ANALYSED, "none of the live results belongs to a frame of the recording: run a job over it")
    media = from_json(video.media, Media)
    header = ResultHeader(
        SCHEMA, media, TIME_BASE, plan.plan, labels, complete=media.damage is None, dropped=matched.dropped
    )
    return _Result(matched, header)


def _labels(services: Services, plan: Plan) -> tuple[str, ...]:
    """Those of the model, where an earlier release did not keep them with the plan. Raises _NoResult."""
    try:
        model = services.catalogue.get(plan.model)
    except UnknownModel as error:
        raise _NoResult(error.code, error.detail) from error
    if model.digest() != plan.model_digest:
        raise _NoResult(NOT_ANALYSED, f"the model {plan.model} was replaced since: run a job over the recording")
    return model.labels


def _ended(services: Services, recording: Recording, video: Video, result: _Result) -> Job:
    """Write the result file. The job as it ended."""
    job, header = _job(recording, video, result.header.plan.model, result.header.plan.options), result.header
    tally = Tally(header.labels, header.time_base)
    with services.storage.create(result_key(video.id, job.id)) as sink:
        result_file.write(sink, header, _counted(result.matched, tally))
    seconds = (recording.ended_at - recording.started_at).total_seconds() if recording.ended_at else 0.0
    job.state = str(JobState.SUCCEEDED if header.complete else JobState.PARTIAL)
    job.summary = tally.summary(seconds=max(0.0, seconds), detector_seconds=0, cpu_seconds=None)
    job.frames_total = job.frames_done = tally.frames
    job.tracks = first_state(services, tally.frames)
    if header.media.damage is not None:
        job.error = {"code": "video_damaged", "detail": header.media.damage}
    return job


def _tracks(services: Services, job: Job, result: _Result, seen: Mapping[int, int]) -> Tracks | None:
    """Write the tracks that were made live; None where not all frames have theirs, or none are wanted."""
    if job.tracks is None or not all(map(is_tracked, result.matched.frames)):
        return None
    return file_tracks(services.storage, job, result.header, _blocks(result.matched), seen)


def _failed(
    rows: RecordingRows, recording: Recording, video: Video, found: LiveResults, error: _NoResult
) -> Job | None:
    """The job that failed, by what the stream is set to; None where that is not known any more."""
    stream = rows.stream(recording.stream_id)
    if stream is not None:
        job = _job(recording, video, stream.model, options_of(stream).as_job())
    elif found.plans:
        plan = found.plans[max(found.plans)]
        job = _job(recording, video, plan.model, plan.options)
    else:
        return None
    job.state, job.error = str(JobState.FAILED), {"code": error.code, "detail": error.detail}
    return job


def _job(recording: Recording, video: Video, model: str, options: Options) -> Job:
    return Job(
        id=job_id(recording.id),
        user_id=recording.user_id,
        video_id=video.id,
        model=model,
        options=to_json(options),
        frames_done=0,
        failed_ranges=[],
        created_at=recording.started_at,
        started_at=recording.started_at,
        finished_at=recording.ended_at or utcnow(),
    )


def _counted(matched: Matched, tally: Tally) -> Iterator[Block]:
    for made in _blocks(matched):
        tally.add(made)
        yield made


def _blocks(matched: Matched) -> Iterator[Block]:
    """As those of the result file."""
    for at in range(0, len(matched.frames), result_file.BLOCK_FRAMES):
        part = slice(at, at + result_file.BLOCK_FRAMES)
        yield block(matched.frames[part], matched.numbers[part], matched.times[part])


def _by_reason(matched: Matched) -> dict[str, int]:
    counted = Counter[str]()
    for item in matched.dropped:
        counted[item.reason] += item.frames
    return dict(sorted(counted.items()))
