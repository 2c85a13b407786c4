"""Videos that come in: bodies, resumable uploads, imports."""

from contracts.errors.kinds import Conflict, InvalidInput, WebDetectorError


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


class ImportsOff(WebDetectorError):
    """The operator has disabled imports."""

    code = "imports_off"


class UploadTooLarge(WebDetectorError):
    code = "upload_too_large"


class UploadIncomplete(WebDetectorError):
    """The client went away before the end of the body."""

    code = "upload_incomplete"


class ChecksumMismatch(WebDetectorError):
    """The received bytes do not match the client's checksum."""

    code = "checksum_mismatch"


class UploadLocked(WebDetectorError):
    """Another request holds the lock of the upload."""

    code = "upload_locked"


class UnsupportedProtocol(WebDetectorError):
    """The client uses an unsupported version of the tus protocol."""

    code = "unsupported_protocol"


class WrongOffset(Conflict):
    """The client's offset is not the upload's current offset."""

    code = "wrong_offset"


class StorageFull(WebDetectorError):
    code = "storage_full"
