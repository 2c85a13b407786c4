"""The largest file that a user may upload now."""

from dataclasses import dataclass

from contracts.errors import StorageUsedUp, UploadTooLarge


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The maximum size of a file. quota: the user's storage quota, where it is the tighter limit."""

    bytes: int
    quota: int | None = None

    def refusal(self) -> UploadTooLarge:
        """The error for a larger file."""
        if self.quota is not None:
            return StorageUsedUp(
                f"your quota is {self.quota} bytes, of which {self.bytes} are free: delete videos, clips, reels or"
                " streams with failed recordings, or send a smaller one"
            )
        return UploadTooLarge(
            f"the file is larger than {self.bytes} bytes, the limit of this service (UPLOAD_MAX_BYTES): cut or"
            " compress it"
        )
