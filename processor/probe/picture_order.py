"""Whether an elementary stream holds its frames in the order of display, one in each packet.

Cameras write no B-frames: then its frames need not be decoded to be numbered.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from av.codec.context import CodecContext

from media import hevc_syntax
from media.h264_syntax import IDR_SLICE, PARAMETERS, SLICE, SliceSyntax, start_coded
from media.hevc_syntax import PICTURE_PARAMETERS, SEQUENCE_PARAMETERS, PictureSyntax, SequenceSyntax


@dataclass(frozen=True, slots=True)
class _Place:
    """Of a picture in the order of display. restarts: whether the counter begins anew. counter: of so many bits; with 0
    bits, the order is that of decoding."""

    restarts: bool
    counter: int = 0
    bits: int = 0


class _Reader(Protocol):
    def place(self, units: Iterable[bytes]) -> _Place | None:
        """The place of the picture in a packet; None where it is not told."""


class PictureOrder:
    """Sees the packets of a stream. as_decoded: whether all are in the order of display so far, one frame each."""

    def __init__(self, decoder: "CodecContext") -> None:
        self._reader: _Reader = _H264() if decoder.codec.canonical_name == "h264" else _Hevc()
        self._reader.place(start_coded(decoder.extradata or b""))
        self._last: int | None = None
        self.as_decoded = True

    def see(self, data: bytes) -> None:
        """The next packet, or its beginning."""
        if self.as_decoded:
            self.as_decoded = self._follows(self._reader.place(start_coded(data)))

    def _follows(self, place: _Place | None) -> bool:
        if place is None:
            return False
        last, self._last = self._last, place.counter
        if place.restarts or last is None or place.bits == 0:
            return True
        return 0 < (place.counter - last) % (1 << place.bits) < 1 << (place.bits - 1)


@dataclass(slots=True)
class _Headers:
    """The parameter sets of a stream by kind: what changes on the way is not followed."""

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
        restarts = unit[0] & 31 == IDR_SLICE
        if syntax.order_kind == 0:
            return _Place(restarts, syntax.order(unit), syntax.order_bits)
        return _Place(restarts)


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
            elif hevc_syntax.is_slice(unit):
                return self._place(unit, self._sequence, self._picture)
        return None

    def _place(self, unit: bytes, sequence: SequenceSyntax | None, picture: PictureSyntax | None) -> _Place | None:
        if sequence is None or picture is None or picture.hides or self._headers.changed:
            return None
        if hevc_syntax.is_idr(unit):
            return _Place(restarts=True)
        counter = hevc_syntax.order(unit, sequence, picture)
        return None if counter is None else _Place(restarts=False, counter=counter, bits=sequence.order_bits)
