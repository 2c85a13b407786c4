"""One tree of errors, each with a stable code. Only the web edge knows HTTP statuses."""

from typing import ClassVar


class WebDetectorError(Exception):
    """Base of every error that the project raises on purpose. `detail` says what to do. retry_seconds: after which
    the same request may succeed, None where it never will."""

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
    """A request that is well-formed but asks for what cannot be."""

    code = "invalid_input"


class InvalidOptions(InvalidInput):
    code = "invalid_options"


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class WeakPassword(InvalidInput):
    """A password that would be guessed."""

    code = "weak_password"


class UnknownModel(InvalidInput):
    code = "unknown_model"


class IdempotencyMismatch(InvalidInput):
    """A key was used before, for another request."""

    code = "idempotency_mismatch"


class VideoRefused(InvalidInput):
    """The file is not a video that can be processed; the detail says why."""

    code = "video_refused"


class EmptyUpload(VideoRefused):
    code = "empty_upload"


class ImportRefused(InvalidInput):
    """The address is not one that the service fetches from."""

    code = "import_refused"


class ImportFailed(InvalidInput):
    """The address did not give a whole file; the detail says why."""

    code = "import_failed"


class WebhookRefused(InvalidInput):
    """The address is not one that the service tells anything to."""

    code = "webhook_refused"


class WebhooksOff(WebDetectorError):
    """The operator has switched webhooks off."""

    code = "webhooks_off"


class ImportsOff(WebDetectorError):
    """The operator has switched imports off."""

    code = "imports_off"


class TooMany(WebDetectorError):
    """As much of it is done as may be for now."""

    retry_seconds = 10


class TooManyRequests(TooMany):
    """A user asks more often than may be."""

    code = "too_many_requests"


class TooManyJobs(TooMany):
    """A user has as many jobs that have not ended as may be."""

    code = "too_many_jobs"


class FramesUsedUp(TooMany):
    """A user's jobs have looked at as many frames as may be in a day."""

    code = "frames_used_up"


class TooManyTries(TooMany):
    """It was tried too often from somewhere. first: this try is the first that is refused for it."""

    def __init__(self, detail: str, retry_seconds: int, *, first: bool = False) -> None:
        super().__init__(detail, retry_seconds)
        self.first = first


class TooManyLogins(TooManyTries):
    """Logins failed too often."""

    code = "too_many_logins"


class TooManyRegistrations(TooManyTries):
    """An address makes users too often."""

    code = "too_many_registrations"


class TooManyImports(TooMany):
    """As many imports run as may at once."""

    code = "too_many_imports"


class WebhookBusy(TooMany):
    """A user tests webhooks one at a time."""

    code = "webhook_busy"


class TooManyStreams(TooMany):
    """A user listens to as many streams of events as may be at once."""

    code = "too_many_streams"


class Malformed(WebDetectorError):
    """The request cannot be read."""

    code = "malformed_request"


class UnsupportedMediaType(WebDetectorError):
    """The body is of a type that the operation does not take."""

    code = "unsupported_media_type"


class UploadTooLarge(WebDetectorError):
    code = "upload_too_large"


class StorageUsedUp(UploadTooLarge):
    """A user keeps as many bytes as may be."""

    code = "storage_used_up"


class UploadIncomplete(WebDetectorError):
    """The client went away before the end of the body."""

    code = "upload_incomplete"


class ChecksumMismatch(WebDetectorError):
    """What came is not what the client sent."""

    code = "checksum_mismatch"


class UploadLocked(WebDetectorError):
    """Another request writes the same upload."""

    code = "upload_locked"


class TooManyUploads(TooMany):
    """A user has as many unfinished uploads as may be."""

    code = "too_many_uploads"


class UnsupportedProtocol(WebDetectorError):
    """The client speaks another version of the protocol for uploads."""

    code = "unsupported_protocol"


class Unauthenticated(WebDetectorError):
    code = "unauthenticated"


class WrongPassword(WebDetectorError):
    """Who is logged in does not know the password that is to be changed."""

    code = "wrong_password"


class NeedsLogin(WebDetectorError):
    """An API token asks for what only who is logged in may do."""

    code = "needs_login"


class NeedsAdmin(WebDetectorError):
    """A user asks for what only an administrator may do."""

    code = "needs_admin"


class OutOfScope(WebDetectorError):
    """An API token asks for what it was not made for."""

    code = "out_of_scope"


class RegistrationClosed(WebDetectorError):
    """The operator makes the users."""

    code = "registration_closed"


class NotFound(WebDetectorError):
    code = "not_found"


class Conflict(WebDetectorError):
    code = "conflict"


class UsernameTaken(Conflict):
    code = "username_taken"


class TooManyTokens(Conflict):
    code = "too_many_tokens"


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"


class JobsRunning(Conflict):
    code = "jobs_running"


class WrongOffset(Conflict):
    """The upload does not go on where the client wants to."""

    code = "wrong_offset"


class ResultsNotReady(Conflict):
    code = "results_not_ready"


class RenditionNotReady(Conflict):
    """A rendition, or what it is to be made from, is not there yet."""

    code = "rendition_not_ready"


class StorageFull(WebDetectorError):
    code = "storage_full"


class Unavailable(WebDetectorError):
    """A part that the service needs does not answer."""

    code = "unavailable"
    retry_seconds = 5


class StoreUnavailable(Unavailable):
    """The result store does not answer, or not in time. Nothing is lost: what was asked can be asked again."""

    code = "store_unavailable"


class StorageUnavailable(Unavailable):
    """The storage does not answer, or fails on the way: another try may succeed."""

    code = "storage_unavailable"


class ModelBroken(WebDetectorError):
    """A model file is missing, changed, or does not give what its catalogue entry says."""

    code = "model_broken"


class EngineUnavailable(WebDetectorError):
    """An engine that is configured cannot be imported or lacks its device."""

    code = "engine_unavailable"


class PrecisionUnavailable(EngineUnavailable):
    """This machine cannot compute exactly as the job was planned; another must."""

    code = "precision_unavailable"


class DeadlinePassed(WebDetectorError):
    """A job has not ended within the time that it is given."""

    code = "deadline"


class CorruptData(WebDetectorError):
    """Stored bytes are not what was written."""

    code = "corrupt_data"


class UnsupportedSchema(CorruptData):
    """A message or stored document of a later release, which this one cannot read."""


class DecodeFailed(WebDetectorError):
    """A chunk's frames could not be decoded."""

    code = "decode_failed"
