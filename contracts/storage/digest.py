"""The digest of a stored object."""

import hashlib
from collections.abc import Callable

from contracts.storage.port import Storage

_PIECE = 1024 * 1024


def sha256_of(storage: Storage, key: str, tick: Callable[[], object] = lambda: None) -> tuple[str, int]:
    """SHA-256 and size of an object. tick: called now and then. Raises NotFound, StorageUnavailable."""
    digest, size = hashlib.sha256(), 0
    with storage.open(key) as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            tick()
    return digest.hexdigest(), size
