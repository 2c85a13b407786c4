"""The service itself: settings, servers, models, stored data. For operators."""

from contracts.errors.kinds import Unavailable, WebDetectorError


class SettingsError(WebDetectorError):
    """A setting is missing, wrong or a placeholder."""

    code = "settings"


class StoreUnavailable(Unavailable):
    """The result store does not answer in time. The request can be repeated."""

    code = "store_unavailable"


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


class DecodeFailed(WebDetectorError):
    """A chunk's frames could not be decoded."""

    code = "decode_failed"
