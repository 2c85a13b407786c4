"""Encoding of a chunk in the result store: one byte for the kind, then its frames or the reason of its failure."""

import msgspec

from contracts.errors import CorruptData
from contracts.results.codec import Block, decode_block, encode_block
from contracts.wire.messages import ChunkFailure, encode
from contracts.wire.messages import decode as decode_message

_FRAMES = b"F"
_FAILURE = b"E"


def encode_frames(block: Block) -> bytes:
    """Encode the frames of a chunk; equal blocks give equal bytes."""
    return _FRAMES + encode_block(block)


def encode_failure(failure: ChunkFailure) -> bytes:
    """Encode the reason why a chunk has no frames."""
    return _FAILURE + encode(failure)


def decode(data: bytes, masks: bool = True) -> Block | ChunkFailure:
    """Decode a stored chunk, without masks unless wanted. Raises CorruptData."""
    tag, content = data[:1], data[1:]
    if tag == _FRAMES:
        return decode_block(content, masks)
    if tag != _FAILURE:
        raise CorruptData("a chunk's result is neither frames nor a failure")
    try:
        return decode_message(content, ChunkFailure)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptData(f"a chunk's failure cannot be read: {error}") from error
