"""What a demuxing child tells its parent: messages on a socket, each after its kind and length."""

import struct

import msgspec

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourcePacket

HEADER = struct.Struct("<cI")
MESSAGE_MAX_BYTES = 64 * 1024**2  # a parent accepts no larger one


class Ended(msgspec.Struct, frozen=True):
    """The source cannot be read, or no longer: see SourceFailed."""

    reason: Reason
    detail: str
    permanent: bool = False


class Ready(msgspec.Struct, frozen=True):
    """The first message: the child has loaded its libraries, and closed its sandbox."""


class Looped(msgspec.Struct, frozen=True):
    """A stored video begins again."""


Told = SourceConfig | SourcePacket | Looped
Item = Told | Ready | Ended
_KINDS: dict[type[Item], bytes] = {SourcePacket: b"p", SourceConfig: b"c", Looped: b"l", Ready: b"r", Ended: b"e"}
_TYPES = {kind: made for made, kind in _KINDS.items()}


def encode(item: Item) -> bytes:
    """With its header."""
    body = msgspec.msgpack.encode(item)
    return HEADER.pack(_KINDS[type(item)], len(body)) + body


def decode(kind: bytes, body: bytes) -> Item:
    """Raises msgspec.DecodeError, for a kind that is not known too."""
    made = _TYPES.get(kind)
    if made is None:
        raise msgspec.DecodeError(f"no message is of the kind {kind!r}")
    return msgspec.msgpack.decode(body, type=made)
