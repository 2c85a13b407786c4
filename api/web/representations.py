"""JSON representations of rows. Pure."""

from datetime import datetime
from typing import Any

from msgspec import UNSET

from analytics.search.hours import to_ms
from api.web.alert_failures import alert_rule_error
from contracts.database.tables import (
    Alert,
    AlertRule,
    ApiToken,
    Delivery,
    Job,
    Recording,
    Rendition,
    Scene,
    Video,
    Webhook,
)
from contracts.results.codec import SCORE_SCALE
from contracts.results.port import Progress
from contracts.results.tracks import TracksState
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import from_json, to_json
from contracts.wire.renditions import CLIP, PICTURES, REEL, RenditionState
from contracts.wire.webhooks import DeliveryState

PREFIX = "/api/v1"
_COST = ("frames_inferred", "detector_cpu_seconds")


def video_representation(video: Video, *, has_poster: bool = False) -> dict[str, Any]:
    """A video."""
    path = f"{PREFIX}/videos/{video.id}"
    return {
        "id": video.id,
        "name": video.name,
        "recorded_at": video.recorded_at,
        "source": video.source,
        "tags": video.tags,
        "size_bytes": video.size_bytes,
        "sha256": video.sha256,
        "content_type": video.content_type,
        "media": video.media,
        "refused": video.refused,
        "created_at": video.created_at,
        "links": {
            "self": path,
            "content": f"{path}/content",
            "jobs": f"{PREFIX}/jobs?video_id={video.id}",
            "poster": poster_path(video.id) if has_poster else None,
        },
    }


def recording_representation(recording: Recording) -> dict[str, Any]:
    """A recording of a stream."""
    return {
        "id": recording.id,
        "stream_id": recording.stream_id,
        "video_id": recording.video_id,
        "job_id": recording.job_id,
        "state": recording.state,
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "frames": recording.frames,
        "size_bytes": recording.size_bytes,
        "reason": recording.reason,
        "dropped": recording.dropped,
        "error": recording.error,
    }


def scene_representation(scene: Scene) -> dict[str, Any]:
    """A scene."""
    return {
        "id": scene.id,
        "name": scene.name,
        "zones": scene.zones,
        "lines": scene.lines,
        "revision": scene.revision,
        "created_at": scene.created_at,
        "links": {"self": f"{PREFIX}/scenes/{scene.id}"},
    }


def alert_rule_representation(rule: AlertRule) -> dict[str, Any]:
    """A rule that raises alerts."""
    path = f"{PREFIX}/alert-rules/{rule.id}"
    return {
        "id": rule.id,
        "name": rule.name,
        "enabled": rule.enabled,
        "search": rule.search,
        "schedule": rule.schedule,
        "at_most_one_in_s": rule.at_most_one_in_s,
        "webhook_id": rule.webhook_id,
        "limited_at": rule.limited_at,
        "failed_at": rule.failed_at,
        "error": alert_rule_error(rule),
        "created_at": rule.created_at,
        "links": {"self": path, "alerts": f"{PREFIX}/alerts?rule_id={rule.id}"},
    }


def alert_representation(alert: Alert, rule_name: str) -> dict[str, Any]:
    """An alert, with the name of the rule that raised it."""
    path = f"{PREFIX}/alerts/{alert.id}"
    return {
        "id": alert.id,
        "rule_id": alert.rule_id,
        "rule_name": rule_name,
        "at_ms": to_ms(alert.at),
        "dated": alert.dated,
        "label": alert.label,
        "score": alert.score / SCORE_SCALE,
        "event": alert.event,
        "zone": alert.zone,
        "line": alert.line,
        "direction": alert.direction,
        "video_id": alert.video_id,
        "job_id": alert.job_id,
        "stream_id": alert.stream_id,
        "track": alert.track,
        "start_ms": alert.start,
        "seen": alert.seen,
        "created_at": alert.created_at,
        "links": {"self": path, "picture": f"{path}/picture"},
    }


def job_representation(
    job: Job, progress: Progress | None, now: datetime, video: Video, *, has_poster: bool
) -> dict[str, Any]:
    """A job. progress: of a running job, None for a job that has ended or not started."""
    path = f"{PREFIX}/jobs/{job.id}"
    return {
        "id": job.id,
        "video_id": job.video_id,
        "video": _video_of_job(video, has_poster),
        "state": job.state,
        "cancel_requested": job.cancel_requested,
        "model": job.model,
        "options": job.options,
        "progress": _progress(job, progress, now),
        **_cost(job, progress),
        "error": job.error,
        "failed_ranges": job.failed_ranges,
        "tracks": _tracks(job),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "links": {
            "self": path,
            "results": f"{path}/results",
            "summary": f"{path}/summary",
            "series": f"{path}/series",
            "appearances": f"{path}/appearances",
            "export": f"{path}/export",
            "tracks": f"{path}/tracks",
            "cancel": f"{path}/cancel",
            "video": f"{PREFIX}/videos/{job.video_id}",
        },
    }


def summary_representation(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary; one of an earlier release does not know its cost."""
    return dict.fromkeys(_COST) | summary


def rendition_representation(rendition: Rendition) -> dict[str, Any]:
    """A rendition of a video or of a job."""
    path = f"{PREFIX}/{_path_of(rendition)}"
    done, total = rendition.frames_done, rendition.frames_total
    return {
        "id": rendition.id,
        "kind": rendition.kind,
        "video_id": None if rendition.kind == REEL else rendition.video_id,
        "job_id": rendition.job_id,
        "part": rendition.options.get("part"),
        "reel": rendition.options.get("reel"),
        "state": rendition.state,
        "progress": {"frames_done": done, "frames_total": total, "fraction": round(done / total, 4) if total else 0.0},
        "content_type": rendition.content_type,
        "size_bytes": rendition.size_bytes if rendition.state == RenditionState.READY else None,
        "error": rendition.error,
        "created_at": rendition.created_at,
        "finished_at": rendition.finished_at,
        "expires_at": rendition.expires_at,
        "links": {"self": path, "content": None if rendition.kind == PICTURES else f"{path}/content"},
    }


def _path_of(rendition: Rendition) -> str:
    if rendition.kind == REEL:
        return f"reels/{rendition.id}"
    if rendition.kind == CLIP:
        return f"videos/{rendition.video_id}/clips/{rendition.id}"
    owner = f"jobs/{rendition.job_id}" if rendition.job_id else f"videos/{rendition.video_id}"
    return f"{owner}/renditions/{rendition.kind}"


def api_token_representation(token: ApiToken) -> dict[str, Any]:
    """An API token without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "created_at": token.created_at,
    }


def webhook_representation(webhook: Webhook) -> dict[str, Any]:
    """A webhook without its secret."""
    path = f"{PREFIX}/webhooks/{webhook.id}"
    return {
        "id": webhook.id,
        "url": webhook.url,
        "jobs": webhook.jobs,
        "created_at": webhook.created_at,
        "links": {"self": path, "deliveries": f"{path}/deliveries", "test": f"{path}/test"},
    }


def delivery_representation(delivery: Delivery) -> dict[str, Any]:
    """A delivery of a webhook."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "job_id": delivery.job_id,
        "alert_id": delivery.alert_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at if delivery.state == DeliveryState.WAITING else None,
        "status": delivery.status,
        "error": delivery.error,
        "created_at": delivery.created_at,
        "finished_at": delivery.finished_at,
    }


def poster_path(video_id: str) -> str:
    """The path of a video's poster."""
    return f"{PREFIX}/videos/{video_id}/renditions/poster/content"


def _video_of_job(video: Video, has_poster: bool) -> dict[str, Any]:
    """The video as it is embedded in a job."""
    media = video.media or {}
    return {
        "name": video.name,
        **{name: media.get(name) for name in ("width", "height", "duration_ms")},
        "poster": poster_path(video.id) if has_poster else None,
    }


def _cost(job: Job, progress: Progress | None) -> dict[str, Any]:
    """What the job has cost so far, None where that is not known."""
    if job.summary is not None:
        return {name: job.summary.get(name) for name in _COST}
    if progress is None:
        return dict.fromkeys(_COST)
    cost = progress.cost
    return {"frames_inferred": cost.inferred, "detector_cpu_seconds": round(cost.cpu_seconds, 3)}


def _tracks(job: Job) -> dict[str, Any] | None:
    """How far the job's tracks are, None where nobody asked for any."""
    if job.tracks is None:
        return None
    state = from_json(job.tracks, TracksState)
    told = {name: getattr(state, name) for name in ("tracker", "tracks", "error")}
    known = {name: None if value is UNSET else value for name, value in told.items()}
    return {"state": str(state.state), **known, "parameters": to_json(state.parameters)}


def _progress(job: Job, progress: Progress | None, now: datetime) -> dict[str, Any]:
    ended = job.state in TERMINAL
    done = progress.frames if progress and not ended else job.frames_done
    total = job.frames_total
    seconds = ((job.finished_at or now) - job.started_at).total_seconds() if job.started_at else 0.0
    fps = round(done / seconds, 2) if done and seconds > 0 else None
    return {
        "frames_done": done,
        "frames_total": total,
        "fraction": round(done / total, 4) if total else 0.0,
        "fps": fps,
        "eta_s": round((total - done) / fps, 1) if total and fps and not ended else None,
    }
