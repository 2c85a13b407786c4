"""The largest file that a user may upload now."""

from dataclasses import dataclass

from contracts.errors import StorageUsedUp, UploadTooLarge


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The most bytes that a file may have. quota: of all that its user may store, where that leaves no more."""

    bytes: int
    quota: int | None = None

    def refusal(self) -> UploadTooLarge:
        """The error of a file that has more."""
        if self.quota is not None:
            return StorageUsedUp(
                f"you may store {self.quota} bytes and have room for {self.bytes}: delete videos, or send a smaller one"
            )
        return UploadTooLarge(
            f"the file is larger than {self.bytes} bytes, the limit of this service (UPLOAD_MAX_BYTES): send a part of"
            " it, or a smaller copy"
        )
