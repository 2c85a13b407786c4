"""Choice of the storage implementation from the settings."""

from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage


def open_storage(settings: Settings) -> Storage:
    """The configured storage. Connects at the first use."""
    place = settings.storage_bucket
    if place is None:
        return LocalStorage(settings.storage_path)
    # Imported here, since its library is large and not needed for a folder.
    from contracts.storage.s3 import S3Storage
    from contracts.storage.s3_client import S3Access

    bucket, prefix = place
    access = S3Access(
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
    )
    return S3Storage(bucket, prefix, access, largest_bytes=settings.upload_max_bytes)
