"""A request that cannot be answered as it is."""

from contracts.errors.kinds import Conflict, InvalidInput, NotFound, Unavailable, WebDetectorError


class InvalidOptions(InvalidInput):
    code = "invalid_options"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class UnknownModel(InvalidInput):
    code = "unknown_model"


class IdempotencyMismatch(InvalidInput):
    """An Idempotency-Key was reused for a different request."""

    code = "idempotency_mismatch"


class WebhookRefused(InvalidInput):
    """Webhooks to this address are not allowed."""

    code = "webhook_refused"


class SceneRefused(InvalidInput):
    """A zone or line of a scene has no meaning; the detail says which and why."""

    code = "scene_refused"


class AlertRuleRefused(InvalidInput):
    """An alert rule has no meaning, or names what there is not; the detail says what to do."""

    code = "alert_rule_refused"


class WebhooksOff(WebDetectorError):
    """The operator has disabled webhooks."""

    code = "webhooks_off"


class Malformed(WebDetectorError):
    """The request cannot be parsed."""

    code = "malformed_request"


class UnsupportedMediaType(WebDetectorError):
    """The operation does not accept the body's media type."""

    code = "unsupported_media_type"


class PictureMissing(NotFound):
    """There is no picture of a track or a frame (yet); the detail says why."""

    code = "picture_missing"


class SceneInUse(Conflict):
    """An alert rule needs the scene, or a zone or line of it, as it is."""

    code = "scene_in_use"


class JobsRunning(Conflict):
    code = "jobs_running"


class ResultsNotReady(Conflict):
    code = "results_not_ready"


class TracksMissing(Conflict):
    """The job has no tracks (yet); the detail says why."""

    code = "tracks_missing"


class RenditionNotReady(Conflict):
    """A rendition or its source is not ready yet."""

    code = "rendition_not_ready"


class FrameNotReady(Unavailable):
    """The picture of a frame is not made yet. The request can be repeated."""

    code = "frame_not_ready"
    retry_seconds = 2
