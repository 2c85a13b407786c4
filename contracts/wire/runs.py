"""Runs: consecutive chunks of a long group of pictures, which one task computes one after the other.

Each is planned and stored as a chunk of its own. They travel as one message: a chunk with the frames of all of them,
whose `lengths` say how many each has. As these may be a million, their numbers, times and packets are packed into one
text, `columns`.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET
from msgspec.structs import replace

from contracts.wire.messages import SCHEMA_OF_RUNS, Chunk, Stretch, from_json, to_json

MOST_FRAMES = 2_000_000  # of a run: so that its message stays below 8 MB


@dataclass(frozen=True, slots=True)
class Part:
    """One chunk of a message: its index, and its frames' positions in the message, stop excluded."""

    index: int
    start: int
    stop: int


def parts(message: Chunk) -> tuple[Part, ...]:
    """The chunks of a message."""
    bounds = pairwise(accumulate(message.lengths or (len(message.times),), initial=0))
    return tuple(Part(message.index + number, start, stop) for number, (start, stop) in enumerate(bounds))


def runs(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The messages for planned chunks, in their order: those that continue each other in one."""
    run: list[Chunk] = []
    for chunk in chunks:
        if run and not (chunk.continues and chunk.index == run[-1].index + 1):
            yield _joined(run)
            run = []
        run.append(chunk)
    if run:
        yield _joined(run)


def without(message: Chunk, done: int) -> Chunk:
    """The message without its first chunks."""
    if not done:
        return message
    start = parts(message)[done].start
    return replace(
        message,
        index=message.index + done,
        first_frame=message.numbers[start],
        times=message.times[start:],
        sampled=None if message.sampled is None else message.sampled[start:],
        packets=message.packets and message.packets[start:],
        lengths=message.lengths and message.lengths[done:],
    )


def to_message(chunk: Chunk) -> Any:
    """The argument of a detector's task."""
    if chunk.lengths is UNSET:
        return to_json(chunk)
    columns = {"times": chunk.times, "packets": chunk.packets or (), "sampled": chunk.sampled or ()}
    packed = zlib.compress(msgspec.msgpack.encode({name: _packed(values) for name, values in columns.items()}))
    return to_json(replace(chunk, times=(), packets=(), sampled=None, columns=b64encode(packed).decode()))


def from_message(data: Any) -> Chunk:
    """Convert back from `to_message`. Raises msgspec.ValidationError, UnsupportedSchema."""
    chunk = from_json(data, Chunk)
    if chunk.columns is UNSET:
        return chunk
    columns = msgspec.msgpack.decode(zlib.decompress(b64decode(chunk.columns)), type=dict[str, bytes])
    times, packets, sampled = (_unpacked(columns[name]) for name in ("times", "packets", "sampled"))
    return replace(chunk, times=times, packets=packets, sampled=sampled or None, columns=UNSET)


def _joined(run: Sequence[Chunk]) -> Chunk:
    """They lie in one group, so all are decoded from where the first one is."""
    first, last = run[0], run[-1]
    if len(run) == 1:
        return first
    stretches = [stretch for chunk in run for stretch in chunk.stretches or ()]
    whole = Stretch(0, stretches[0].seeks, max(stretch.last for stretch in stretches))
    return replace(
        first,
        schema=SCHEMA_OF_RUNS,
        times=_all(chunk.times for chunk in run),
        packets=_all(chunk.packets or () for chunk in run),
        sampled=None if first.sampled is last.sampled is None else _all(chunk.numbers for chunk in run),
        end=last.end,
        jumps=(),
        stretches=(whole,),
        continues=UNSET,
        lengths=tuple(len(chunk.times) for chunk in run),
    )


def _all(values: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(values))


def _packed(values: Sequence[int]) -> bytes:
    return np.diff(np.asarray(values, np.int64), prepend=0).tobytes()


def _unpacked(data: bytes) -> tuple[int, ...]:
    return tuple(np.cumsum(np.frombuffer(data, np.int64)).tolist())
