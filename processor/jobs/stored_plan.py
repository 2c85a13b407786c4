"""A job's plan, stored next to the video while the job runs, so that steps can be repeated."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from contracts.database.tables import Job
from contracts.errors import NotFound
from contracts.results.codec import compress, decompress
from contracts.storage.port import plan_key
from contracts.wire.messages import Chunk, JobPlan, Layout, ResultHeader, decode, encode
from processor.context import Services
from processor.core.runs import Runs


class _Sealed(msgspec.Struct):
    """A plan with undecoded chunks: there may be very many, each with the times of its frames."""

    chunks: tuple[msgspec.Raw, ...]


def has_plan(services: Services, job: Job) -> bool:
    """Whether the job has a plan: not before planning, nor after its end."""
    try:
        return bool(services.storage.size(plan_key(job.video_id, job.id)))
    except NotFound:
        return False


def read_plan(services: Services, job: Job) -> JobPlan | None:
    """The plan of a job, None before planning and after the job's end."""
    data = _read(services, job)
    return decode(data, JobPlan) if data is not None else None


def read_chunks(services: Services, job: Job, indexes: Iterable[int]) -> list[Chunk] | None:
    """The planned chunks with the given indexes; None without a plan."""
    data = _read(services, job)
    if data is None:
        return None
    chunks = decode(data, _Sealed).chunks
    return [decode(bytes(chunks[index]), Chunk) for index in indexes]


def keep_plan(services: Services, job: Job, plan: JobPlan) -> None:
    """Store the plan until the job ends."""
    with services.storage.create(plan_key(job.video_id, job.id)) as sink:
        sink.write(compress(encode(plan)))


def drop_plan(services: Services, job: Job) -> None:
    """Delete the plan of a job that has ended."""
    services.storage.delete(plan_key(job.video_id, job.id))


def _read(services: Services, job: Job) -> bytes | None:
    try:
        with services.storage.open(plan_key(job.video_id, job.id)) as source:
            return decompress(source.read())
    except NotFound:
        return None


def runs_of(services: Services, job: Job) -> Runs:
    """The runs of a planned job's chunks; single chunks while the result store has no layout."""
    layout = services.store.get_layout(job.id)
    return Runs(job.chunks_total or 0, (layout.continues or ()) if layout else ())


def layout_of(plan: JobPlan, header: ResultHeader) -> Layout:
    """How the plan's chunks cover the frames, under a header."""
    starts = tuple(chunk.first_frame for chunk in plan.chunks)
    continues = tuple(chunk.index for chunk in plan.chunks if chunk.continues)
    return Layout(header, starts, tuple(len(chunk.times) for chunk in plan.chunks), continues or UNSET)
