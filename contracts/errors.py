"""One tree of errors, each with a stable code. Only the web edge knows HTTP statuses."""

from typing import ClassVar


class WebDetectorError(Exception):
    """Base of all errors of the project. detail: what went wrong and what to do. retry_seconds: when the same request
    may succeed, None if never."""

    code: ClassVar[str] = "internal"
    retry_seconds: int | None = None

    def __init__(self, detail: str, retry_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if retry_seconds is not None:
            self.retry_seconds = max(retry_seconds, 1)


class SettingsError(WebDetectorError):
    """A setting is missing, wrong or a placeholder."""

    code = "settings"


class InvalidInput(WebDetectorError):
    """A well-formed request with invalid content."""

    code = "invalid_input"


class InvalidOptions(InvalidInput):
    code = "invalid_options"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class WeakPassword(InvalidInput):
    """A password that is too easy to guess."""

    code = "weak_password"


class UnknownModel(InvalidInput):
    code = "unknown_model"


class IdempotencyMismatch(InvalidInput):
    """An Idempotency-Key was reused for a different request."""

    code = "idempotency_mismatch"


class VideoRefused(InvalidInput):
    """The file is not a video that can be processed; the detail says why."""

    code = "video_refused"


class EmptyUpload(VideoRefused):
    code = "empty_upload"


class ImportRefused(InvalidInput):
    """Imports from this address are not allowed."""

    code = "import_refused"


class ImportFailed(InvalidInput):
    """The import did not get the whole file; the detail says why."""

    code = "import_failed"


class WebhookRefused(InvalidInput):
    """Webhooks to this address are not allowed."""

    code = "webhook_refused"


class StreamRefused(InvalidInput):
    """The address of a camera is not allowed or not valid."""

    code = "stream_refused"


class SceneRefused(InvalidInput):
    """A zone or line of a scene has no meaning; the detail says which and why."""

    code = "scene_refused"


class AlertRuleRefused(InvalidInput):
    """An alert rule has no meaning, or names what there is not; the detail says what to do."""

    code = "alert_rule_refused"


class ImageRefused(InvalidInput):
    """A pushed image is not a JPEG."""

    code = "image_refused"


class OfferRefused(InvalidInput):
    """A WHIP offer that cannot be answered; the detail says what to offer."""

    code = "offer_refused"


class WebhooksOff(WebDetectorError):
    """The operator has disabled webhooks."""

    code = "webhooks_off"


class ImportsOff(WebDetectorError):
    """The operator has disabled imports."""

    code = "imports_off"


class TooMany(WebDetectorError):
    """A limit is reached for now; try again later."""

    retry_seconds = 10


class TooManyRequests(TooMany):
    """A user exceeded the request rate limit."""

    code = "too_many_requests"


class TooManyJobs(TooMany):
    """A user reached the quota of active jobs."""

    code = "too_many_jobs"


class FramesUsedUp(TooMany):
    """A user reached the daily quota of frames."""

    code = "frames_used_up"


class TooManyTries(TooMany):
    """Too many attempts by one name or address. first: whether this is the first refused attempt."""

    def __init__(self, detail: str, retry_seconds: int, *, first: bool = False) -> None:
        super().__init__(detail, retry_seconds)
        self.first = first


class TooManyLogins(TooManyTries):
    """Too many failed logins."""

    code = "too_many_logins"


class TooManyRegistrations(TooManyTries):
    """Too many registrations from one address."""

    code = "too_many_registrations"


class TooManyImports(TooMany):
    """The limit of concurrent imports is reached."""

    code = "too_many_imports"


class WebhookBusy(TooMany):
    """A webhook test of this user is still running."""

    code = "webhook_busy"


class EventsBusy(TooMany):
    """Other events are being computed."""

    code = "events_busy"


class FramesBusy(TooMany):
    """Too many pictures of a video are asked for at once."""

    code = "frames_busy"


class TooManyStreams(TooMany):
    """A user reached the limit of open event streams."""

    code = "too_many_streams"


class Malformed(WebDetectorError):
    """The request cannot be parsed."""

    code = "malformed_request"


class UnsupportedMediaType(WebDetectorError):
    """The operation does not accept the body's media type."""

    code = "unsupported_media_type"


class UploadTooLarge(WebDetectorError):
    code = "upload_too_large"


class StorageUsedUp(UploadTooLarge):
    """A user reached the storage quota."""

    code = "storage_used_up"


class UploadIncomplete(WebDetectorError):
    """The client went away before the end of the body."""

    code = "upload_incomplete"


class ChecksumMismatch(WebDetectorError):
    """The received bytes do not match the client's checksum."""

    code = "checksum_mismatch"


class UploadLocked(WebDetectorError):
    """Another request holds the lock of the upload."""

    code = "upload_locked"


class TooManyUploads(TooMany):
    """A user reached the limit of unfinished uploads."""

    code = "too_many_uploads"


class UnsupportedProtocol(WebDetectorError):
    """The client uses an unsupported version of the tus protocol."""

    code = "unsupported_protocol"


class Unauthenticated(WebDetectorError):
    code = "unauthenticated"


class WrongPassword(WebDetectorError):
    """The current password is wrong (when changing it)."""

    code = "wrong_password"


class NeedsLogin(WebDetectorError):
    """The operation requires a login session; an API token is not enough."""

    code = "needs_login"


class NeedsAdmin(WebDetectorError):
    """The operation requires an administrator."""

    code = "needs_admin"


class OutOfScope(WebDetectorError):
    """The operation is outside the API token's scopes."""

    code = "out_of_scope"


class ForeignOrigin(WebDetectorError):
    """A page of another origin opened a WebSocket with the user's cookies."""

    code = "foreign_origin"


class RegistrationClosed(WebDetectorError):
    """Registration is disabled; the operator adds users."""

    code = "registration_closed"


class NotFound(WebDetectorError):
    code = "not_found"


class PictureMissing(NotFound):
    """There is no picture of a track or a frame (yet); the detail says why."""

    code = "picture_missing"


class Conflict(WebDetectorError):
    code = "conflict"


class NoPicture(Conflict):
    """A stream has no picture that can be shown."""

    code = "no_picture"


class UsernameTaken(Conflict):
    code = "username_taken"


class TooManyTokens(Conflict):
    code = "too_many_tokens"


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"


class TooManyScenes(Conflict):
    code = "too_many_scenes"


class TooManyClips(Conflict):
    code = "too_many_clips"


class SceneInUse(Conflict):
    """An alert rule needs the scene, or a zone or line of it, as it is."""

    code = "scene_in_use"


class TooManyAlertRules(Conflict):
    code = "too_many_alert_rules"


class TooManyReels(Conflict):
    code = "too_many_reels"


class StreamQuotaReached(Conflict):
    """A user has as many live streams as the quota allows."""

    code = "stream_quota_reached"


class StreamKeyMissing(Conflict):
    """The operator has set no STREAM_SECRET_KEY, so that no address of a camera can be stored."""

    code = "stream_key_missing"


class StreamNotFed(Conflict):
    """The stream takes no images and no sender: it is stopped, of another kind, or another ingest reads it."""

    code = "stream_not_fed"


class JobsRunning(Conflict):
    code = "jobs_running"


class WrongOffset(Conflict):
    """The client's offset is not the upload's current offset."""

    code = "wrong_offset"


class ResultsNotReady(Conflict):
    code = "results_not_ready"


class TracksMissing(Conflict):
    """The job has no tracks (yet); the detail says why."""

    code = "tracks_missing"


class RenditionNotReady(Conflict):
    """A rendition or its source is not ready yet."""

    code = "rendition_not_ready"


class StorageFull(WebDetectorError):
    code = "storage_full"


class Unavailable(WebDetectorError):
    """A required server does not answer."""

    code = "unavailable"
    retry_seconds = 5


class FrameNotReady(Unavailable):
    """The picture of a frame is not made yet. The request can be repeated."""

    code = "frame_not_ready"
    retry_seconds = 2


class NoIngest(Unavailable):
    """No ingest is running, or none answers in time."""

    code = "no_ingest"


class NoMediaPort(Unavailable):
    """All UDP ports for media are in use."""

    code = "no_media_port"


class StoreUnavailable(Unavailable):
    """The result store does not answer in time. The request can be repeated."""

    code = "store_unavailable"


class TooManyChunks(Unavailable):
    """Too many chunks with a checksum are held in memory. Clients of tus repeat a request after 503, not after 429."""

    code = "too_many_chunks"


class StorageUnavailable(Unavailable):
    """The storage does not answer or failed during an operation. The request can be repeated."""

    code = "storage_unavailable"


class ObjectUnreadable(StorageUnavailable):
    """One object of a foreign bucket cannot be read; others may be."""


class ModelBroken(WebDetectorError):
    """A model file is missing, modified, or does not match its catalogue entry."""

    code = "model_broken"


class EngineUnavailable(WebDetectorError):
    """An engine that is configured cannot be imported or lacks its device."""

    code = "engine_unavailable"


class PrecisionUnavailable(EngineUnavailable):
    """This machine cannot compute with the precision and provider of the job's plan; another detector must."""

    code = "precision_unavailable"


class PlanFailed(WebDetectorError):
    """Planning a job failed unexpectedly, again and again."""

    code = "plan_failed"


class DeadlinePassed(WebDetectorError):
    """A job exceeded its deadline."""

    code = "deadline"


class CorruptData(WebDetectorError):
    """Stored data is damaged or unreadable."""

    code = "corrupt_data"


class UnsupportedSchema(CorruptData):
    """A message or stored document of a later release, which this one cannot read."""


class SealBroken(WebDetectorError):
    """A sealed camera address cannot be opened with this STREAM_SECRET_KEY."""

    code = "seal_broken"


class DecodeFailed(WebDetectorError):
    """A chunk's frames could not be decoded."""

    code = "decode_failed"
