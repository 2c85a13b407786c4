"""Detections as columns, and columns as deterministic compact bytes.

Scores are stored as integers of 1/10000 and boxes of 1/100 pixel, so that equal detections are equal bytes. A block
is zstd over a MessagePack map {"v": version, "columns": {name: [dtype, bytes]}}. Optional columns: `mask`, the
concatenated texts of the masks, and `mask_size`, their lengths. A block without masks has neither. `filled`, one byte
a frame, is there where any is 1. The tracks of a block are never in it: they are kept in a file of their own.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from contracts.errors import CorruptData

VERSION = 1
SCORE_SCALE = 10_000
BOX_SCALE = 100
_LEVEL = 3
_OF_THREAD = threading.local()

_DTYPES = {"frame": "<i8", "time": "<i8", "count": "<u4", "class_id": "<u2", "score": "<u2", "box": "<i4"}
_MASK = {"mask": "|u1", "mask_size": "<u4"}
_FILLED = {"filled": "|u1"}
_KNOWN = _DTYPES | _MASK | _FILLED

Masks = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The objects of one frame, best score first.

    class_id [n], score [n] 0 to 1, box [n, 4] as x1, y1, x2, y2 in pixels of the displayed frame.
    mask [n]: bytes, COCO's compressed run lengths (`counts`) of the displayed frame; None where the job has no
    masks.
    """

    class_id: NDArray[np.int64]
    score: NDArray[np.float64]
    box: NDArray[np.float64]
    mask: Masks | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive frames with their detections, as columns.

    Per frame: frame [f], time [f] in the video's time base, count [f] of detections. Per detection, in the order of
    the frames: class_id [d], score [d] (1/10000), box [d, 4] (1/100 px), and mask [d] as in Detections, or None.
    filled [f]: whether the frame was not inferred, and its detections were filled in between inferred ones; None where
    no frame was. track [d]: number of the track that a detection belongs to, 0 for none; None where the job has no
    tracks. It is not encoded.
    """

    frame: NDArray[np.int64]
    time: NDArray[np.int64]
    count: NDArray[np.uint32]
    class_id: NDArray[np.uint16]
    score: NDArray[np.uint16]
    box: NDArray[np.int32]
    mask: Masks | None = None
    filled: NDArray[np.bool_] | None = None
    track: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def is_filled(self) -> NDArray[np.bool_]:
        """Whether each frame was filled in, [f]."""
        return np.zeros(len(self), bool) if self.filled is None else self.filled

    @property
    def tracks(self) -> NDArray[np.int32]:
        """The track of each detection, [d], 0 for none."""
        return np.zeros(len(self.score), np.int32) if self.track is None else self.track

    @property
    def inferred(self) -> int:
        """How many of the frames were not filled in."""
        return len(self) - (0 if self.filled is None else int(np.count_nonzero(self.filled)))

    def offsets(self) -> NDArray[np.int64]:
        """Index of each frame's first detection, and the total: [f + 1]."""
        return np.concatenate([[0], np.cumsum(self.count, dtype=np.int64)])

    def slice(self, start: int, stop: int) -> "Block":
        """The frames at positions start to stop of the block, stop excluded."""
        offsets = self.offsets()
        low, high = offsets[start], offsets[min(stop, len(self))]
        return Block(
            self.frame[start:stop],
            self.time[start:stop],
            self.count[start:stop],
            self.class_id[low:high],
            self.score[low:high],
            self.box[low:high],
            None if self.mask is None else self.mask[low:high],
            None if self.filled is None else self.filled[start:stop],
            None if self.track is None else self.track[low:high],
        )

    def of_frames(self, wanted: NDArray[np.bool_]) -> "Block":
        """The wanted frames [f] with all their detections."""
        found = np.repeat(wanted, self.count)
        return Block(
            self.frame[wanted],
            self.time[wanted],
            self.count[wanted],
            self.class_id[found],
            self.score[found],
            self.box[found],
            None if self.mask is None else self.mask[found],
            None if self.filled is None else self.filled[wanted],
            None if self.track is None else self.track[found],
        )

    def keep(self, wanted: NDArray[np.bool_], drop_empty: bool) -> "Block":
        """The block with the wanted detections [d] only; optionally without frames that become empty."""
        running = np.concatenate([[0], np.cumsum(wanted)])
        count = np.diff(running[self.offsets()]).astype(np.uint32)
        kept = replace(
            self,
            count=count,
            class_id=self.class_id[wanted],
            score=self.score[wanted],
            box=self.box[wanted],
            mask=None if self.mask is None else self.mask[wanted],
            track=None if self.track is None else self.track[wanted],
        )
        return kept.of_frames(count > 0) if drop_empty else kept


EMPTY = Block(*(np.zeros((0, 4) if name == "box" else 0, dtype) for name, dtype in _DTYPES.items()))


def pack(first_frame: int, times: Sequence[int], detections: Sequence[Detections]) -> Block:
    """A block of consecutive frames from first_frame on, rounded to the stored precision."""
    if not times:
        return EMPTY
    return Block(
        np.arange(first_frame, first_frame + len(times), dtype=np.int64),
        np.asarray(times, np.int64),
        np.array([len(item.score) for item in detections], np.uint32),
        np.concatenate([item.class_id for item in detections]).astype(np.uint16),
        np.rint(np.concatenate([item.score for item in detections]) * SCORE_SCALE).astype(np.uint16),
        np.rint(np.concatenate([item.box for item in detections]) * BOX_SCALE).astype(np.int32).reshape(-1, 4),
        _all_masks(detections),
    )


def concat(blocks: Iterable[Block]) -> Block:
    """Concatenate blocks. Raises ValueError when only some of those with detections have masks."""
    parts = list(blocks)
    if not parts:
        return EMPTY
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _DTYPES}
    return Block(**columns, mask=_all_masks(parts), filled=_all_filled(parts), track=_all_tracks(parts))


def encode_block(block: Block) -> bytes:
    """Encode a block; equal blocks give equal bytes."""
    columns: dict[str, NDArray[Any]] = {name: getattr(block, name) for name in _DTYPES}
    if block.mask is not None:
        columns["mask"] = np.frombuffer(b"".join(block.mask), _MASK["mask"])
        columns["mask_size"] = np.array([len(mask) for mask in block.mask], _MASK["mask_size"])
    if block.filled is not None and block.filled.any():
        columns["filled"] = block.filled
    return encode_columns(columns, _KNOWN)


def decode_block(data: bytes, masks: bool = True) -> Block:
    """Decode a block of `encode_block`, without unknown columns, and without masks unless wanted.

    Raises CorruptData when the bytes are damaged or of a later version.
    """
    columns = decode_columns(data, _KNOWN)
    try:
        known = {name: columns[name].reshape(-1, 4) if name == "box" else columns[name] for name in _DTYPES}
        _check_lengths(known)
        mask = _masks_of(columns, len(known["score"])) if masks else None
        return Block(**known, mask=mask, filled=_filled_of(columns, len(known["frame"])))
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptData(f"a block of results cannot be read: {error}") from error


def encode_columns(columns: Mapping[str, NDArray[Any]], dtypes: Mapping[str, str]) -> bytes:
    """Encode columns by name, each as the dtype of its name; equal columns give equal bytes."""
    stored = {
        name: [dtypes[name], np.ascontiguousarray(column, dtypes[name]).tobytes()] for name, column in columns.items()
    }
    return compress(msgspec.msgpack.encode({"v": VERSION, "columns": stored}))


def decode_columns(data: bytes, dtypes: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Decode those columns of `encode_columns` whose names are known, each flat.

    Raises CorruptData when the bytes are damaged or of a later version.
    """
    try:
        content = msgspec.msgpack.decode(decompress(data))
        if content["v"] > VERSION:
            raise CorruptData(f"a result of version {content['v']} needs a newer release of this service")
        known = {name: column for name, column in content["columns"].items() if name in dtypes}
        return {name: _column(name, dtypes[name], *column) for name, column in known.items()}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptData(f"columns of results cannot be read: {error}") from error


def mask_column(texts: Sequence[bytes]) -> Masks:
    """A column of texts, [n] of bytes."""
    column = np.empty(len(texts), object)
    column[:] = texts
    return column


def _column(name: str, known: str, dtype: str, raw: bytes) -> NDArray[Any]:
    if dtype != known:  # other dtypes belong to other versions
        raise ValueError(f"{name} is of another type")
    return np.frombuffer(raw, np.dtype(dtype))


def _check_lengths(columns: Mapping[str, NDArray[Any]]) -> None:
    """Raises ValueError when the columns of a block have inconsistent lengths."""
    frames, detections = len(columns["frame"]), len(columns["score"])
    if len(columns["time"]) != frames or len(columns["count"]) != frames:
        raise ValueError("frames, times and counts differ in number")
    counted = int(columns["count"].sum(dtype=np.int64))
    if not counted == detections == len(columns["class_id"]) == len(columns["box"]):
        raise ValueError("counts, classes, scores and boxes do not fit each other")


def _all_masks(parts: Sequence[Detections] | Sequence[Block]) -> Masks | None:
    """The masks of all parts, concatenated; None without masks."""
    found = [part.mask for part in parts if part.mask is not None]
    if not found:
        return None
    column: Masks = np.concatenate(found)
    if len(column) != sum(len(part.score) for part in parts):
        raise ValueError("masks of some detections only")
    return column


def _all_filled(parts: Sequence[Block]) -> NDArray[np.bool_] | None:
    """Whether each frame of all parts was filled in; None without such frames."""
    if all(part.filled is None for part in parts):
        return None
    return np.concatenate([part.is_filled for part in parts])


def _all_tracks(parts: Sequence[Block]) -> NDArray[np.int32] | None:
    """The track of each detection of all parts; None without tracks."""
    if all(part.track is None for part in parts):
        return None
    return np.concatenate([part.tracks for part in parts])


def _filled_of(columns: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.bool_] | None:
    filled = columns.get("filled")
    if filled is None:
        return None
    if len(filled) != count:
        raise ValueError("filled does not fit the frames")
    return np.asarray(filled != 0, bool)


def _masks_of(columns: Mapping[str, NDArray[Any]], count: int) -> Masks | None:
    if "mask" not in columns:
        return None
    text, sizes = columns["mask"].tobytes(), columns["mask_size"]
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    if len(sizes) != count or (ends or [0])[-1] != len(text):
        raise ValueError("masks do not fit their detections")
    return mask_column([text[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)])


def time_ms(time: int, time_base: tuple[int, int]) -> float:
    """Convert a time in units of time_base (a fraction of a second) to ms with 3 decimals."""
    numerator, denominator = time_base
    return ((2_000_000 * time * numerator + denominator) // (2 * denominator)) / 1000


def times_ms(times: NDArray[np.int64], time_base: tuple[int, int]) -> NDArray[np.float64]:
    """`time_ms` of times [n], with identical results."""
    numerator, denominator = time_base
    most = max(abs(int(times.min())), abs(int(times.max())), 1) if len(times) else 1
    # Larger products are not exact in 64 bits.
    if 2_000_000 * most * numerator + denominator >= 2**63 or 1_000_000 * most * numerator >= 2**52 * denominator:
        return np.array([time_ms(time, time_base) for time in times.tolist()], np.float64)
    microseconds = (2_000_000 * numerator * times + denominator) // (2 * denominator)
    return microseconds / 1000


def _decompressor() -> zstandard.ZstdDecompressor:
    """That of the thread: to make one costs as much as to decompress some thousand bytes."""
    if not hasattr(_OF_THREAD, "decompressor"):
        _OF_THREAD.decompressor = zstandard.ZstdDecompressor()
    made: zstandard.ZstdDecompressor = _OF_THREAD.decompressor
    return made


def compress(data: bytes) -> bytes:
    """zstd with a checksum, at the level of all results."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data)


def decompress(data: bytes) -> bytes:
    """Decompress the output of `compress`. Raises CorruptData when the bytes are damaged."""
    try:
        return _decompressor().decompress(data)
    except (zstandard.ZstdError, MemoryError) as error:  # the stated size may be what is damaged
        raise CorruptData(f"stored bytes are damaged: {error}") from error
