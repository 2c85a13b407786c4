"""Names of the locks, leases, debounces, counters and replies of `contracts.coordination.leases`.

A name is also part of a Redis key: processes of different releases meet there, so none may change.
"""

from datetime import datetime

# Debounces of the periodic work, one process of all does it.
REAPER = "reaper"
SWEEP_RESULTS = "sweep-store"
EXPIRE_UPLOADS = "sweep-uploads"
EXPIRE_AUDIT = "sweep-audit"
INDEX_WORKERS = "index-workers"

ALERT_JOBS = "alert-jobs"
CHECK_RULES = "check-rules"
EXPIRE_ALERTS = "sweep-alerts"
EXPIRE_RECORDINGS = "sweep-recordings"
INDEX_TRACKS = "index-tracks"
PUBLISH_STREAMS = "publish-streams"
TRACK_JOBS = "track-jobs"

# Lease of the processor that asks alert rules about live streams.
LIVE_ALERTS = "live-alerts"

# Turns of the users at the renderers.
RENDER_TURNS = "render"

# Lease of the hourly clean-up, and the place in the storage that it has come to.
HOUSEKEEPING = "housekeeping"


def upload_lock(upload_id: str) -> str:
    """Lock for writing or expiring a resumable upload: api and processor."""
    return f"upload:{upload_id}"


def probe_reply(video_id: str) -> str:
    """Reply from the processor to the api: the probe's result."""
    return f"probe:{video_id}"


def probe_lease(video_id: str) -> str:
    """Lease of the processor that probes a video."""
    return f"probe:{video_id}"


def probe_attempts(video_id: str) -> str:
    """Counter of the attempts at a probe."""
    return f"probe:{video_id}"


def user_share(user_id: str, place: int) -> str:
    """Lease of a place in a user's share of the processors."""
    return f"share:{user_id}:{place}"


def rendition_lease(rendition_id: str) -> str:
    """Lease of the renderer that makes a rendition."""
    return f"render:{rendition_id}"


def rendition_attempts(rendition_id: str, requested_at: datetime) -> str:
    """Counter of the attempts at one request for a rendition."""
    return f"render:{rendition_id}:{requested_at.timestamp()}"


def frames_lease(video_id: str) -> str:
    """Lease of the processor that makes pictures of frames of a video."""
    return f"frames:{video_id}"


def frame_requests(video_id: str) -> str:
    """Requests for pictures of frames of a video: from the api to the processor."""
    return f"frames:{video_id}"


def frames_waiting(user_id: str) -> str:
    """Requests of a user's share: videos whose requests for pictures wait for a place in it."""
    return f"frames-waiting:{user_id}"


def frame_reply(request_id: str) -> str:
    """Reply from the processor to the api: the picture of a frame is made, or cannot be."""
    return f"frame:{request_id}"


def plan_attempts(job_id: str) -> str:
    """Counter of the attempts at planning a job since the last one that ended well."""
    return f"{job_id}:plan"


def resend_probe(video_id: str) -> str:
    """Debounce for sending a probe again."""
    return f"{video_id}:probe"


def resend_rendition(rendition_id: str) -> str:
    """Debounce for sending a rendition again."""
    return f"{rendition_id}:render"


def send_job(job_id: str, state: str) -> str:
    """Debounce for sending a job's next step in its current state."""
    return f"{job_id}:{state}"


def merge_lease(job_id: str) -> str:
    """Lease of the processor that merges a job."""
    return f"merge:{job_id}"


def resend_merge(job_id: str) -> str:
    """Debounce for sending the merge of a running job again."""
    return f"{job_id}:merge"


def resend_chunk(job_id: str, index: int) -> str:
    """Debounce for sending a chunk again."""
    return f"{job_id}:chunk:{index}"


def tracking_lease(job_id: str) -> str:
    """Lease of the processor that makes the tracks of a job."""
    return f"tracks:{job_id}"


def tracking_place(place: int) -> str:
    """Lease of one of the places in which processors make tracks."""
    return f"tracks-place:{place}"


def tracking_attempts(job_id: str) -> str:
    """Counter of the attempts at tracking a job."""
    return f"tracks:{job_id}"


def along_attempts(job_id: str) -> str:
    """Counter of the attempts at tracking a job while it runs since the last one that ended well."""
    return f"tracks-along:{job_id}"


def resend_tracking(job_id: str) -> str:
    """Debounce for tracking a job again."""
    return f"{job_id}:tracks"


def ask_rules(job_id: str) -> str:
    """Debounce for asking the alert rules about a job again."""
    return f"{job_id}:rules"


def stream_ingest(stream_id: str) -> str:
    """Lock of the ingest that reads a stream."""
    return f"stream:{stream_id}:ingest"


def stream_detector(stream_id: str) -> str:
    """Lock of the detector that analyses a stream."""
    return f"stream:{stream_id}:detector"


def recording_message(recording_id: str, event: str) -> str:
    """Counter of the repeats of a message of an ingest about a recording."""
    return f"recording:{recording_id}:{event}"


def recording_lease(recording_id: str) -> str:
    """Lease of the processor that files a recording."""
    return f"recording:{recording_id}"


def recording_attempts(recording_id: str) -> str:
    """Counter of the attempts at filing a recording."""
    return f"recording:{recording_id}"


def resend_recording(recording_id: str) -> str:
    """Debounce for filing a recording again."""
    return f"{recording_id}:recording"


def silent_recording(recording_id: str) -> str:
    """Repeats of an open recording that no ingest writes."""
    return f"{recording_id}:silent"
