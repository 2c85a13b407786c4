"""Names of tasks and queues, and which task goes where."""

import uuid

PROBE_VIDEO = "processor.probe_video"
PROCESS_VIDEO = "processor.process_video"
MERGE_CHUNKS = "processor.merge_chunks"
TRACK_JOB = "processor.track_job"
REAP = "processor.reap"
HOUSEKEEP = "processor.housekeep"
REMOVE_JOBS = "processor.remove_jobs"
RENDER = "processor.render"
MAKE_FRAMES = "processor.make_frames"
OPEN_RECORDING = "processor.open_recording"
CLOSE_RECORDING = "processor.close_recording"
FILE_RECORDING = "processor.file_recording"
DETECT_CHUNK = "detector.detect_chunk"

QUEUE_PROBE = "probe"
QUEUE_PROCESSOR = "processor"
QUEUE_RENDER = "render"
QUEUE_DETECTOR = "detector"
# What sends lost work again must not wait behind the work: a broker serves queues in turn.
QUEUE_RECOVERY = "recovery"

ROUTES: dict[str, dict[str, str]] = {
    PROBE_VIDEO: {"queue": QUEUE_PROBE},
    PROCESS_VIDEO: {"queue": QUEUE_PROCESSOR},
    MERGE_CHUNKS: {"queue": QUEUE_PROCESSOR},
    TRACK_JOB: {"queue": QUEUE_PROCESSOR},
    REAP: {"queue": QUEUE_RECOVERY},
    HOUSEKEEP: {"queue": QUEUE_RECOVERY},
    REMOVE_JOBS: {"queue": QUEUE_PROCESSOR},
    RENDER: {"queue": QUEUE_RENDER},
    MAKE_FRAMES: {"queue": QUEUE_PROCESSOR},
    OPEN_RECORDING: {"queue": QUEUE_PROCESSOR},
    CLOSE_RECORDING: {"queue": QUEUE_PROCESSOR},
    FILE_RECORDING: {"queue": QUEUE_PROCESSOR},
    DETECT_CHUNK: {"queue": QUEUE_DETECTOR},
}


def detector_queue(pool: str) -> str:
    """The queue of a pool of detectors; the empty name is the default pool."""
    return f"{QUEUE_DETECTOR}.{pool}" if pool else QUEUE_DETECTOR


def task_id(job_id: str, step: str | int) -> str:
    """The id of a job's task: the same for the same step, so that sending it twice is harmless."""
    return str(uuid.uuid5(uuid.UUID(job_id), str(step)))
