"""Idempotency-Key: a request that a client repeats, because it saw no answer, starts one job."""

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
    """A client's key for one operation, and what the request came to."""

    operation: str
    key: str
    fingerprint: str


def request_key(operation: str, key: str | None, content: str, model: str, options: Options) -> RequestKey | None:
    """The key of a request, None when the client gave none.

    content: what the job is about, the id of a video or the hash of a file. Two requests are the
    same when content, model and options are, however they were written. Raises InvalidInput.
    """
    if key is None:
        return None
    if not 0 < len(key) <= _KEY_MAX or not key.isprintable():
        raise InvalidInput(f"{HEADER} must have 1 to {_KEY_MAX} printable characters")
    said = msgspec.msgpack.encode([content, model, options])
    return RequestKey(operation, key, hashlib.sha256(said).hexdigest())
