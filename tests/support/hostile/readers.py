"""What reads stored bytes and upload headers, under a fuzzer that follows which lines are reached:
`python -m tests.support.hostile.readers TARGET [options of libFuzzer]`.

A checksum stands before all that is stored, so that noise never gets past it: the fuzzer makes what lies inside.
"""

import io
import struct
import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["contracts", "api.requests.tus_headers", "api.requests.multipart_form"]):
    from api.requests import tus_headers
    from contracts.errors import CorruptData, InvalidInput, Malformed, UnsupportedProtocol
    from contracts.results import chunk_codec
    from contracts.results.codec import Block, compress, decode_block, encode_block
    from contracts.results.result_file import MAGIC, ResultFile


def codec(data: bytes) -> None:
    """A block is sound or refused, with masks and without, and is the same when it is written and read again."""
    for masks in (True, False):
        try:
            block = decode_block(compress(data), masks)
        except CorruptData:
            continue
        _use(block)
        again = decode_block(encode_block(block), masks)
        assert all((a == b).all() for a, b in ((again.frame, block.frame), (again.box, block.box)))


def chunk(data: bytes) -> None:
    """A chunk's result is sound or refused; its first byte says what it is."""
    try:
        found = chunk_codec.decode(data[:1] + (compress(data[1:]) if data[:1] == b"F" else data[1:]))
    except CorruptData:
        return
    if isinstance(found, Block):
        _use(found)


def file(data: bytes) -> None:
    """A result file is read to its end or refused: header, index and blocks, of lengths in the first bytes."""
    cuts = [int.from_bytes(data[at : at + 2], "big") for at in (0, 2)]
    content = data[4:]
    head = compress(content[: cuts[0]])
    index = compress(content[cuts[0] : cuts[0] + cuts[1]])
    blocks = content[cuts[0] + cuts[1] :]
    whole = MAGIC + head + blocks
    # The fuzzer cannot know how long the header became: 0 in its place stands for that.
    whole += index + struct.pack("<Q8s", len(whole), MAGIC)
    for bytes_ in (whole, data):
        try:
            result = ResultFile(io.BytesIO(bytes_))
            for position in range(min(len(result.starts), 4)):
                _use(result.block(position))
        except CorruptData:
            pass


def headers(data: bytes) -> None:
    """The headers of a resumable upload are understood or refused."""
    text = data.decode("latin-1")
    told = {"upload-offset": text, "upload-length": text, "upload-checksum": text, "tus-resumable": text}
    for read in (
        lambda: tus_headers.number(told, "Upload-Offset"),
        lambda: tus_headers.number(told, "Upload-Length"),
        lambda: tus_headers.form_of(text),
        lambda: tus_headers.checksum_of(told),
        lambda: tus_headers.check_version(told),
    ):
        try:
            found = read()
        except (Malformed, UnsupportedProtocol, InvalidInput):
            continue
        assert not isinstance(found, int) or 0 <= found < 10**18


def _use(block: Block) -> None:
    """What the service does with a block."""
    offsets = block.offsets()
    assert len(block.frame) == len(block.time) == len(block.count)
    assert offsets[-1] == len(block.score) == len(block.class_id) == len(block.box)
    assert block.mask is None or len(block.mask) == len(block.score)
    if len(block):
        assert len(block.slice(0, 1)) == 1
    block.keep(block.score > 0, drop_empty=True)


TARGETS: dict[str, Callable[[bytes], None]] = {"codec": codec, "chunk": chunk, "file": file, "headers": headers}

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
