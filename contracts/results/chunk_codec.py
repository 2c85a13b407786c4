"""What is stored for a chunk: its frames, or why it has none. One byte tells which."""

import msgspec

from contracts.errors import CorruptData
from contracts.results.codec import Block, decode_block, encode_block
from contracts.wire.messages import ChunkFailure, encode
from contracts.wire.messages import decode as decode_message

_FRAMES = b"F"
_FAILURE = b"E"


def encode_frames(block: Block) -> bytes:
    """The frames of a chunk; the same block always gives the same bytes."""
    return _FRAMES + encode_block(block)


def encode_failure(failure: ChunkFailure) -> bytes:
    """Why a chunk has no frames."""
    return _FAILURE + encode(failure)


def decode(data: bytes, masks: bool = True) -> Block | ChunkFailure:
    """What was stored; masks are left out where they are not wanted. Raises CorruptData."""
    tag, content = data[:1], data[1:]
    if tag == _FRAMES:
        return decode_block(content, masks)
    if tag != _FAILURE:
        raise CorruptData("a chunk's result is neither frames nor a failure")
    try:
        return decode_message(content, ChunkFailure)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptData(f"a chunk's failure cannot be read: {error}") from error
