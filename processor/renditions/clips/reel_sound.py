"""The sound of a reel: that of its pieces, one after the other, and silence where there is none."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from msgspec import UNSET

from processor.renditions.clips.samples import ENCODERS, LEAD, RATE, Block, Samples, frame_of
from processor.renditions.clips.sound import Sound, Span
from processor.renditions.clips.views import view
from processor.renditions.encoder import Kind
from processor.renditions.inputs import ReelInput

_LAYOUT, _CHANNELS = "stereo", 2


@dataclass(frozen=True, slots=True)
class HeardPiece:
    """A piece of a reel. at: where it begins in the reel. span: of its file, by the clock of the container. All in
    seconds. source: None where it is silent."""

    at: Fraction
    span: Span
    length: Fraction
    source: BinaryIO | None


def has_sound(source: ReelInput) -> bool:
    """Whether a video has sound whose place in it is known."""
    if source.media.clock is not UNSET:
        return False
    try:
        with closing(Sound(view(source.video), Span(Fraction(0), None))) as sound:
            return bool(sound.streams)
    except av.error.FFmpegError:
        return False


class ReelSound:
    """One stream, of the first sound stream of each video."""

    def __init__(self) -> None:
        self._pieces = deque[HeardPiece]()
        self._blocks: Iterator[Block] = iter(())
        self._stream: Any = None
        self._at = 0  # of the sample that comes next

    def add(self, piece: HeardPiece) -> None:
        """Go on with a piece. They come in order, each before its first picture."""
        self._pieces.append(piece)

    def begin(self, container: OutputContainer, kind: Kind) -> None:
        """As Beside."""
        self._stream = container.add_stream(ENCODERS[kind.container], rate=RATE, layout=_LAYOUT)

    def until(self, time: Fraction) -> Iterator["Packet[Any]"]:
        """As Beside."""
        stop = round(time * RATE)
        while self._at < stop:
            block = next(self._blocks, None)
            if block is not None:
                yield from self._encoded(block)
            elif self._pieces:
                self._blocks = _filled(self._pieces.popleft())
            else:
                return

    def rest(self) -> Iterator["Packet[Any]"]:
        """As Beside."""
        for block in self._blocks:
            yield from self._encoded(block)
        while self._pieces:
            for block in _filled(self._pieces.popleft()):
                yield from self._encoded(block)
        yield from self._stream.encode(None)

    def _encoded(self, block: Block) -> Iterator["Packet[Any]"]:
        """What comes twice, where one piece ends and the next begins, is left out."""
        begin, samples = block
        late = max(0, self._at - begin)
        if late < samples.shape[1]:
            begin, samples = begin + late, samples[:, late:]
            self._at = begin + samples.shape[1]
            yield from self._stream.encode(frame_of((begin, np.ascontiguousarray(samples)), _LAYOUT))


def _filled(piece: HeardPiece) -> Iterator[Block]:
    """The samples of a piece by their places in the reel, without a gap."""
    begin = at = round(piece.at * RATE)
    stop = round((piece.at + piece.length) * RATE)
    for place, samples in () if piece.source is None else _heard(piece, piece.source):
        yield from _silence(at, begin + place)
        yield begin + place, samples
        at = begin + place + samples.shape[1]
    yield from _silence(at, stop)


def _heard(piece: HeardPiece, source: BinaryIO) -> Iterator[Block]:
    """What can be decoded of a piece's sound, by its places in the piece."""
    begun = Span(piece.span.begin - LEAD, piece.span.end)
    # A seek that leads too far costs the sound up to there, and not a reading of the whole file for each piece.
    # Frames that the resampler does not take are a ValueError: sound never costs the pictures.
    with suppress(av.error.FFmpegError, ValueError), closing(Sound(view(source), begun, from_start=False)) as sound:
        heard = Samples(_LAYOUT, piece.length)
        for time, packet in sound.packets():
            if packet.stream_index == sound.streams[0].index:
                yield from heard.take(time - LEAD, packet)
        yield from heard.end()


def _silence(begin: int, stop: int) -> Iterator[Block]:
    """A second at a time."""
    for at in range(begin, stop, RATE):
        yield at, np.zeros((_CHANNELS, min(RATE, stop - at)), np.float32)
