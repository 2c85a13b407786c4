"""The tasks that the processor sends."""

from celery.canvas import Signature

from contracts.database.tables import Rendition
from contracts.wire.messages import Chunk
from contracts.wire.renditions import render_queue
from contracts.wire.runs import to_message
from contracts.wire.tasks import (
    DETECT_CHUNK,
    FILE_RECORDING,
    MAKE_FRAMES,
    MERGE_CHUNKS,
    PROBE_VIDEO,
    PROCESS_VIDEO,
    RENDER,
    TRACK_JOB,
    detector_queue,
    task_id,
)
from processor.context import Services


def chunk_signature(services: Services, chunk: Chunk) -> Signature:
    """The task of a detector for a chunk or a run."""
    queue = detector_queue(chunk.pool)
    return services.celery.signature(
        DETECT_CHUNK,
        args=(to_message(chunk),),
        task_id=task_id(chunk.job_id, chunk.index),
        queue=queue,
        routing_key=queue,
    )


def merge_signature(services: Services, job_id: str) -> Signature:
    """The task that advances a job after some of its chunks are done."""
    return services.celery.signature(MERGE_CHUNKS, args=(job_id,), immutable=True)


def track_signature(services: Services, job_id: str) -> Signature:
    """The task that makes the tracks of a job that has ended."""
    return services.celery.signature(TRACK_JOB, args=(job_id,), immutable=True)


def process_signature(services: Services, job_id: str) -> Signature:
    """The task that plans a job."""
    return services.celery.signature(PROCESS_VIDEO, args=(job_id,), immutable=True)


def probe_signature(services: Services, video_id: str) -> Signature:
    """The task that probes a video."""
    return services.celery.signature(PROBE_VIDEO, args=(video_id,), immutable=True)


def render_signature(services: Services, rendition: Rendition) -> Signature:
    """The task that makes a rendition."""
    queue = render_queue(rendition.kind)
    return services.celery.signature(RENDER, args=(rendition.id,), immutable=True, queue=queue, routing_key=queue)


def file_signature(services: Services, recording_id: str) -> Signature:
    """The task that makes a video of a closed recording."""
    return services.celery.signature(FILE_RECORDING, args=(recording_id,), immutable=True)


def frames_signature(services: Services, video_id: str) -> Signature:
    """The task that makes the pictures of frames of a video that clients wait for."""
    return services.celery.signature(MAKE_FRAMES, args=(video_id,), immutable=True)
