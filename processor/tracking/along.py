"""Tracks a job while it runs, from its first frame on as far as its chunks are finished, so that little is left at its
end.

How far it is lies in the result store, beside the chunks that it was made of, and goes with them. It is a shortcut and
nothing else depends on it: where any of it is lost, or not of the frames that the result file has in the end, the
tracks are made of the whole file.
"""

import hashlib
import logging
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.tracking.tracker import NAME, VERSION, Packed, Tracker
from contracts.coordination import names
from contracts.database.tables import Job
from contracts.errors import CorruptData, Unavailable
from contracts.results import chunk_codec
from contracts.results.codec import EMPTY, Block, compress, concat, decode_block, decompress, encode_block
from contracts.results.port import ResultStore
from contracts.results.result_file import BLOCK_FRAMES, ResultFile
from contracts.results.tracks import TrackerParameters, settled
from contracts.results.tracks_file import encode_numbers
from contracts.wire.messages import ResultHeader, decode, encode
from processor.context import Services
from processor.user_share import Leases

log = logging.getLogger(__name__)

# What waits for the same processor, such as the next chunks of this job, waits for so long at most.
SLICE_SECONDS = 0.5
_MOST_TRIES = 3
_TRIES_SECONDS = 86_400
_HEAD = "tracks"


class _Maker(msgspec.Struct, frozen=True):
    """What the tracks of a job are made by: see Tracker."""

    tracker: str
    version: int
    parameters: TrackerParameters
    tolerance: int


class _Piece(msgspec.Struct):
    """What was tracked at a time. blocks: of each block that the result file will have, the SHA-256 and the numbers of
    the detections. ended: tracks that have ended."""

    blocks: list[tuple[bytes, bytes]]
    ended: list[Packed]


class _Head(msgspec.Struct):
    """How far a running job is. state: of the tracker. chunk: the first one that was not read. rest: frames of those
    before it that are no whole block yet. pieces: SHA-256 of each."""

    maker: _Maker
    state: bytes
    chunk: int
    rest: bytes
    pieces: list[bytes]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first frames of a job, tracked. blocks: the numbers of each block's detections."""

    tracker: Tracker
    blocks: list[bytes]


def track_along(services: Services, job: Job, held: Leases) -> bool:
    """Track a part of what is finished of a running job; whether there is more. What fails is left to its end."""
    tries = names.along_attempts(job.id)
    try:
        if services.coordination.count(tries, _TRIES_SECONDS) > _MOST_TRIES:
            return False
        more = _advance(services, job, held)
    except (CorruptData, Unavailable) as error:
        log.warning("job %s cannot be tracked along: %s", job.id, error.detail)
        return False
    services.coordination.reset_count(tries)
    if services.repository.job(job.id) is None:  # deleted meanwhile
        services.store.forget(job.id)
        return False
    return more


def prefix(store: ResultStore, job_id: str, result: ResultFile, options: TrackerParameters) -> Prefix | None:
    """What was tracked of a job along with it. None where it is lost, made with other parameters, or not of the blocks
    of the job's result."""
    try:
        head = _read(store, job_id)
        if head is None or head.maker != _maker(result.header, options):
            return None
        pieces = [_piece(store, job_id, number, digest) for number, digest in enumerate(head.pieces)]
        blocks = [block for piece in pieces for block in piece.blocks]
        if any(digest != _digest(result, position) for position, (digest, _) in enumerate(blocks)):
            return None
        tracker = Tracker.from_state(head.state, [packed for piece in pieces for packed in piece.ended])
    except (CorruptData, Unavailable, msgspec.DecodeError) as error:
        log.warning("job %s is tracked from its start: %s", job_id, error)
        return None
    return Prefix(tracker, [numbers for _, numbers in blocks])


def times_us(times: NDArray[np.int64], time_base: tuple[int, int]) -> NDArray[np.int64]:
    """Times in microseconds, rounded down."""
    numerator, denominator = time_base
    seconds, rest = np.divmod(times * numerator, denominator)
    result: NDArray[np.int64] = seconds * 1_000_000 + rest * 1_000_000 // denominator
    return result


def _advance(services: Services, job: Job, held: Leases) -> bool:
    store, until = services.store, time.monotonic() + SLICE_SECONDS
    layout = store.get_layout(job.id)
    if layout is None:
        return False
    head = _begun(store, job.id, layout.header)
    rest = decode_block(head.rest)
    stop = _frontier(head.chunk, store.chunk_indexes(job.id))
    if len(rest) + sum(layout.lengths[head.chunk : stop]) < BLOCK_FRAMES:
        return False
    tracker, piece = Tracker.from_state(head.state), _Piece([], [])
    while head.chunk < stop and time.monotonic() < until:
        if not held.renew() or (found := _chunk(store, job.id, head.chunk)) is None:
            return False
        head.chunk += 1
        rest = concat([rest, found])
        while len(rest) >= BLOCK_FRAMES:
            block, rest = rest.slice(0, BLOCK_FRAMES), rest.slice(BLOCK_FRAMES, len(rest))
            numbers = tracker.advance(block, times_us(block.time, layout.header.time_base))
            piece.blocks.append((hashlib.sha256(encode_block(block)).digest(), encode_numbers(numbers)))
    piece.ended = tracker.take_ended()
    data = compress(encode(piece))
    store.put_note(job.id, f"{_HEAD} {len(head.pieces)}", data)
    head.pieces.append(hashlib.sha256(data).digest())
    head.state, head.rest = tracker.state(), encode_block(rest)
    store.put_note(job.id, _HEAD, compress(encode(head)))  # last: it says what of the others counts
    return head.chunk < stop


def _begun(store: ResultStore, job_id: str, header: ResultHeader) -> _Head:
    """How far a job is; a new beginning where it is nowhere, or what is there is of another tracker."""
    maker = _maker(header, settled(TrackerParameters(), header.plan.options.min_score))
    head = _read(store, job_id)
    if head is not None and head.maker == maker:
        return head
    return _Head(maker, Tracker(maker.parameters, maker.tolerance).state(), 0, encode_block(EMPTY), [])


def _maker(header: ResultHeader, options: TrackerParameters) -> _Maker:
    return _Maker(NAME, VERSION, options, header.media.height)


def _frontier(first: int, stored: frozenset[int]) -> int:
    """The first chunk from one on that is not stored."""
    while first in stored:
        first += 1
    return first


def _chunk(store: ResultStore, job_id: str, index: int) -> Block | None:
    """The frames of a chunk, none of one that failed; None where the store has lost it."""
    data = store.get_chunk(job_id, index)
    if data is None:
        return None
    found = chunk_codec.decode(data)
    return found if isinstance(found, Block) else EMPTY


def _read(store: ResultStore, job_id: str) -> _Head | None:
    data = store.get_note(job_id, _HEAD)
    try:
        return None if data is None else decode(decompress(data), _Head)
    except msgspec.DecodeError as error:
        raise CorruptData(f"what was tracked along cannot be read: {error}") from error


def _piece(store: ResultStore, job_id: str, number: int, digest: bytes) -> _Piece:
    """Raises CorruptData where it is another one, of a process that was suspended and went on."""
    data = store.get_note(job_id, f"{_HEAD} {number}")
    if data is None or hashlib.sha256(data).digest() != digest:
        raise CorruptData("a part of what was tracked along is lost")
    return decode(decompress(data), _Piece)


def _digest(result: ResultFile, position: int) -> bytes | None:
    """Of a block of the result, None where there is none."""
    return hashlib.sha256(result.encoded(position)).digest() if position < len(result.starts) else None
