"""Somebody asks for more than is allowed, or than the service does at once."""

from contracts.errors.kinds import Conflict, TooMany, Unavailable
from contracts.errors.uploads import UploadTooLarge


class TooManyRequests(TooMany):
    """A user exceeded the request rate limit."""

    code = "too_many_requests"


class TooManyJobs(TooMany):
    """A user reached the quota of active jobs."""

    code = "too_many_jobs"


class FramesUsedUp(TooMany):
    """A user reached the daily quota of frames."""

    code = "frames_used_up"


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


class StorageUsedUp(UploadTooLarge):
    """A user reached the storage quota."""

    code = "storage_used_up"


class TooManyUploads(TooMany):
    """A user reached the limit of unfinished uploads."""

    code = "too_many_uploads"


class TooManyTokens(Conflict):
    code = "too_many_tokens"


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"


class TooManyScenes(Conflict):
    code = "too_many_scenes"


class TooManyClips(Conflict):
    code = "too_many_clips"


class TooManyAlertRules(Conflict):
    code = "too_many_alert_rules"


class TooManyReels(Conflict):
    code = "too_many_reels"


class StreamQuotaReached(Conflict):
    """A user has as many live streams as the quota allows."""

    code = "stream_quota_reached"


class TooManyChunks(Unavailable):
    """Too many chunks with a checksum are held in memory. Clients of tus repeat a request after 503, not after 429."""

    code = "too_many_chunks"
