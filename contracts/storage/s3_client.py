"""Client of an S3-compatible object store, and translation of its errors to those of the port."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from urllib3.exceptions import HTTPError

from contracts.errors import StorageFull, StorageUnavailable
from contracts.storage.port import absent

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_FULL = frozenset({"QuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "XMinioStorageFull"})
_FULL |= {"XMinioAdminBucketQuotaExceeded"}
_HTTP_FULL, _HTTP_CHANGED = 507, 412
# A response body that breaks off is requested again; the library retries only earlier failures.
_TRIES = 3
_ABSENT = frozenset({"NoSuchKey", "404"})  # an answer without a body has the status only


@dataclass(frozen=True, slots=True)
class S3Access:
    """Access to the store. endpoint_url: empty for Amazon S3. Keys: both, or none for the machine's IAM role."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str


def connect(access: S3Access) -> "S3Client":
    """A client that tries each request up to seven times; refused connections take about two seconds."""
    client = Session().create_client(
        "s3",
        region_name=access.region,
        endpoint_url=access.endpoint_url or None,
        aws_access_key_id=access.access_key_id or None,
        aws_secret_access_key=access.secret_access_key or None,
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            # It waits at most 50 ms before the second try, and doubles that for each further one.
            retries={"mode": "standard", "total_max_attempts": 7},
            max_pool_connections=64,
            s3={"addressing_style": "path" if access.endpoint_url else "auto"},
            # Few stores besides Amazon S3 support checksums in trailers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return cast("S3Client", client)


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Translate errors of the library to those of the port."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        if told.get("Code") in _ABSENT:
            raise absent(what) from None
        if status(error) == _HTTP_FULL or told.get("Code") in _FULL:
            raise StorageFull("the storage is full: free some room and try again") from error
        if status(error) == _HTTP_CHANGED:
            raise StorageUnavailable(f"{what} was replaced while it was read") from error
        text = f"{what}: the object store answers {told.get('Code')}: {told.get('Message')}"
        raise StorageUnavailable(text) from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StorageUnavailable(f"{what}: the object store does not answer as it should: {error}") from error


def read_range(client: "S3Client", bucket: str, key: str, start: int, stop: int, etag: str) -> bytes:
    """A range of the object with this ETag."""
    for left in reversed(range(_TRIES)):
        answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}", IfMatch=etag)
        try:
            with closing(answer["Body"]) as body:
                return body.read()
        except (BotoCoreError, HTTPError, OSError):
            if not left:
                raise
    raise AssertionError("a try returns or raises")


def status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
