"""A job's plan, kept beside the video while the job runs: what a repeated step goes by."""

from contracts.codec import compress, decompress
from contracts.errors import NotFound
from contracts.messages import JobPlan, Layout, ResultHeader, decode, encode
from contracts.storage import plan_key
from contracts.tables import Job
from processor.context import Services


def read_plan(services: Services, job: Job) -> JobPlan | None:
    """The job as it was planned, None before that and after its end."""
    try:
        with services.storage.open(plan_key(job.video_id, job.id)) as source:
            return decode(decompress(source.read()), JobPlan)
    except NotFound:
        return None


def keep_plan(services: Services, job: Job, plan: JobPlan) -> None:
    """Keep the plan until the job ends."""
    with services.storage.create(plan_key(job.video_id, job.id)) as sink:
        sink.write(compress(encode(plan)))


def drop_plan(services: Services, job: Job) -> None:
    """The job has ended."""
    services.storage.delete(plan_key(job.video_id, job.id))


def layout_of(plan: JobPlan, header: ResultHeader) -> Layout:
    """How the plan's chunks cover the frames, under a header."""
    starts = tuple(chunk.first_frame for chunk in plan.chunks)
    return Layout(header, starts, tuple(len(chunk.times) for chunk in plan.chunks))
