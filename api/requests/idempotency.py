"""Idempotency-Key: a repeated request starts only one job."""

import hashlib
from dataclasses import dataclass

import msgspec

from contracts.errors import InvalidInput
from contracts.wire.messages import Options

HEADER = "Idempotency-Key"
LIFE_HOURS = 24
_KEY_MAX = 255


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's key for one operation, with a fingerprint of the request."""

    operation: str
    key: str
    fingerprint: str


def request_key(operation: str, key: str | None, content: str, model: str, options: Options) -> RequestKey | None:
    """The key of a request, None when the client sent none.

    content: id of the video or hash of the file. Requests with equal content, model and options (with defaults filled
    in) have the same fingerprint. Raises InvalidInput.
    """
    if key is None:
        return None
    if not 0 < len(key) <= _KEY_MAX or not key.isprintable():
        raise InvalidInput(f"{HEADER} must have 1 to {_KEY_MAX} printable characters")
    said = msgspec.msgpack.encode([content, model, options])
    return RequestKey(operation, key, hashlib.sha256(said).hexdigest())
