"""Live streams and who sends them."""

from contracts.errors.kinds import Conflict, InvalidInput, Unavailable, WebDetectorError


class StreamRefused(InvalidInput):
    """The address of a camera is not allowed or not valid."""

    code = "stream_refused"


class ImageRefused(InvalidInput):
    """A pushed image is not a JPEG."""

    code = "image_refused"


class OfferRefused(InvalidInput):
    """A WHIP offer that cannot be answered; the detail says what to offer."""

    code = "offer_refused"


class NoPicture(Conflict):
    """A stream has no picture that can be shown."""

    code = "no_picture"


class StreamKeyMissing(Conflict):
    """The operator has set no STREAM_SECRET_KEY, so that no address of a camera can be stored."""

    code = "stream_key_missing"


class StreamNotFed(Conflict):
    """The stream takes no images and no sender: it is stopped, of another kind, or another ingest reads it."""

    code = "stream_not_fed"


class NoIngest(Unavailable):
    """No ingest is running, or none answers in time."""

    code = "no_ingest"


class NoMediaPort(Unavailable):
    """All UDP ports for media are in use."""

    code = "no_media_port"


class SealBroken(WebDetectorError):
    """A sealed camera address cannot be opened with this STREAM_SECRET_KEY."""

    code = "seal_broken"
