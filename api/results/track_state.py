"""Whether a job has tracks, and what to say where it has none. Pure."""

from msgspec import UNSET

from contracts.database.tables import Job
from contracts.errors import TracksMissing
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import from_json

GONE = "the job's tracks are not stored any more: make them again with POST /jobs/{job_id}/tracks"
_AGAIN = "make them with POST /jobs/{job_id}/tracks"


def track_state(job: Job) -> TracksState | None:
    """How far the job's tracks are; None where nobody asked for any."""
    return None if job.tracks is None else from_json(job.tracks, TracksState)


def has_tracks(job: Job) -> bool:
    """Whether there are tracks to read. Those of before are there while others are made."""
    state = track_state(job)
    return state is not None and state.tracks is not UNSET


def require_tracks(job: Job) -> None:
    """Raises TracksMissing, with the reason, for a job without tracks to read."""
    if not has_tracks(job):
        raise TracksMissing(_reason(job))


def _reason(job: Job) -> str:
    state = track_state(job)
    if job.state not in TERMINAL:
        return f"the job is {job.state}: its tracks are made when it has ended"
    if job.summary is None:
        return "the job ended without results, so it has no tracks"
    if state is None:
        return f"no tracks have been made of the job: {_AGAIN}"
    if state.state == TracksStep.FAILED:
        why = "" if state.error is UNSET else f": {state.error.get('detail', '')}"
        return f"the job's tracks could not be made{why}; {_AGAIN}"
    return "the job's tracks are being made: try again in some seconds"
