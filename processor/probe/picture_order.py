"""The order of display of an elementary stream's frames, as its slice headers tell it: without decoding."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from av.codec.context import CodecContext

from media import hevc_syntax
from media.h264_syntax import IDR_SLICE, PARAMETERS, SLICE, SliceSyntax, start_coded
from media.hevc_syntax import PICTURE_PARAMETERS, SEQUENCE_PARAMETERS, PictureSyntax, SequenceSyntax

# Pictures that a decoder holds back, by both standards. What is further from its place was counted wrongly: the header
# that begins the count anew is lost, or not read here.
_MOST_REORDERED = 16
_REFERENCE = 0x60  # H.264: other pictures refer to this one


@dataclass(frozen=True, slots=True)
class _Place:
    """Of a picture in the order of display.

    restarts: whether the count begins anew. counter: its lowest bits; without bits, the order is that of decoding.
    anchors: whether the next pictures count from this one.
    """

    restarts: bool
    anchors: bool
    counter: int = 0
    bits: int = 0


class _Reader(Protocol):
    def place(self, units: Iterable[bytes]) -> _Place | None:
        """The place of the picture in a packet; None where it is not told."""


class PictureOrder:
    """Sees the packets of a stream. decoder: of the stream, for its codec and headers."""

    def __init__(self, decoder: "CodecContext") -> None:
        self._reader: _Reader = _H264() if decoder.codec.canonical_name == "h264" else _Hevc()
        self._reader.place(start_coded(decoder.extradata or b""))
        self._groups, self._counts = array("q"), array("q")
        self._group = self._anchor = 0
        self._told = True

    def see(self, data: bytes) -> None:
        """The next packet, or its beginning."""
        if not self._told:
            return
        place = self._reader.place(start_coded(data))
        if place is None:
            self._told = False
            return
        count = self._count(place)
        self._group += place.restarts
        if place.anchors or place.restarts:
            self._anchor = count
        self._groups.append(self._group)
        self._counts.append(count)

    def frames(self) -> tuple[int, ...] | None:
        """The numbers of the packets in the order of display; None where it is not told, or a packet is no frame."""
        if not self._told:
            return None
        groups, counts = np.array(self._groups), np.array(self._counts)
        order = np.lexsort((counts, groups))
        repeated = (np.diff(counts[order]) == 0) & (np.diff(groups[order]) == 0)
        moved = np.abs(order - np.arange(len(order)))
        if not len(order) or repeated.any() or moved.max() > _MOST_REORDERED:
            return None
        return tuple(order.tolist())

    def _count(self, place: _Place) -> int:
        if place.restarts:
            return place.counter
        if place.bits == 0:
            return self._anchor + 1
        span = 1 << place.bits
        further = (place.counter - self._anchor) % span
        return self._anchor + further - (span if further > span // 2 else 0)


@dataclass(slots=True)
class _Headers:
    """The parameter sets of a stream by kind. changed: whether something did on the way, which is not followed."""

    first: dict[int, bytes] = field(default_factory=dict)
    changed: bool = False

    def see(self, kind: int, unit: bytes) -> bool:
        """Whether this is the first of its kind."""
        unit = unit.rstrip(b"\0")
        known = self.first.setdefault(kind, unit)
        self.changed |= known != unit
        return known is unit


class _H264:
    def __init__(self) -> None:
        self._headers = _Headers()
        self._syntax: SliceSyntax | None = None

    def place(self, units: Iterable[bytes]) -> _Place | None:
        for unit in units:
            kind = unit[0] & 31
            if kind == PARAMETERS and self._headers.see(kind, unit):
                self._syntax = SliceSyntax.of_parameters(unit)
            elif kind in (SLICE, IDR_SLICE):
                return self._place(unit, self._syntax)
        return None

    def _place(self, unit: bytes, syntax: SliceSyntax | None) -> _Place | None:
        if syntax is None or self._headers.changed or syntax.is_field(unit) or syntax.order_kind == 1:
            return None
        restarts, anchors = unit[0] & 31 == IDR_SLICE, bool(unit[0] & _REFERENCE)
        if syntax.order_kind == 0:
            return _Place(restarts, anchors, syntax.order(unit), syntax.order_bits)
        return _Place(restarts, anchors=True)


class _Hevc:
    def __init__(self) -> None:
        self._headers = _Headers()
        self._sequence: SequenceSyntax | None = None
        self._picture: PictureSyntax | None = None

    def place(self, units: Iterable[bytes]) -> _Place | None:
        for unit in units:
            kind = hevc_syntax.kind(unit)
            if kind == SEQUENCE_PARAMETERS and self._headers.see(kind, unit):
                self._sequence = SequenceSyntax.of(unit)
            elif kind == PICTURE_PARAMETERS and self._headers.see(kind, unit):
                self._picture = PictureSyntax.of(unit)
            elif hevc_syntax.ends_sequence(unit):
                self._headers.changed = True
            elif hevc_syntax.is_slice(unit):
                return self._place(unit, self._sequence, self._picture)
        return None

    def _place(self, unit: bytes, sequence: SequenceSyntax | None, picture: PictureSyntax | None) -> _Place | None:
        if sequence is None or picture is None or picture.hides or self._headers.changed:
            return None
        if hevc_syntax.is_idr(unit):
            return _Place(restarts=True, anchors=True)
        counter, anchors = hevc_syntax.order(unit, sequence, picture), hevc_syntax.is_anchor(unit)
        return None if counter is None else _Place(False, anchors, counter, sequence.order_bits)
