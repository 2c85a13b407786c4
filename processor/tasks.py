"""The processor's tasks: decode, call, encode."""

from celery import shared_task

from contracts.wire.tasks import MERGE_CHUNKS, PROBE_VIDEO, PROCESS_VIDEO, REAP, RENDER
from processor import periodic
from processor.context import context
from processor.jobs import advance, planning
from processor.renditions import steps


@shared_task(name=PROBE_VIDEO, ignore_result=True)  # type: ignore[untyped-decorator]
def probe_video(video_id: str) -> None:
    """Probe an uploaded video."""
    planning.probe_video(context.current(), video_id)


@shared_task(name=PROCESS_VIDEO, ignore_result=True)  # type: ignore[untyped-decorator]
def process_video(job_id: str) -> None:
    """Plan a job and fan out its chunks."""
    planning.process_video(context.current(), job_id)


@shared_task(name=MERGE_CHUNKS, ignore_result=True)  # type: ignore[untyped-decorator]
def merge_chunks(job_id: str) -> None:
    """A batch of chunks is done: end the job if it was the last one, else send more."""
    advance.follow_up(context.current(), job_id)


@shared_task(name=REAP, ignore_result=True)  # type: ignore[untyped-decorator]
def reap() -> None:
    """Run the periodic jobs that are due."""
    periodic.run_due(context.current())


# Acknowledged at the start, since a copy may exceed the acknowledgement timeout of any broker; the reaper resends it.
@shared_task(name=RENDER, ignore_result=True, acks_late=False)  # type: ignore[untyped-decorator]
def render(rendition_id: str) -> None:
    """Make a rendition."""
    steps.render(context.current(), rendition_id)
