"""The samples of sound streams, in the form in which they are encoded."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from numpy.typing import NDArray

ENCODERS = {"mp4": "aac", "webm": "libopus"}
RATE = 48_000  # samples per second of what is encoded; Opus knows no other one near it
FORMAT = "fltp"
LEAD = Fraction(1)  # seconds before a part that are decoded too: a packet may begin before and end within it

# Where the first sample is, counted from the beginning of the part; samples [channels, n] from -1 to 1.
Block = tuple[int, NDArray[np.float32]]


class Samples:
    """Those of one stream within a part. layout: mono or stereo. length: of the part in seconds, None for no end."""

    def __init__(self, layout: str, length: Fraction | None) -> None:
        self._layout = layout
        self._form: tuple[str, str, int] | None = None  # of the frames that the resampler takes
        self._resampler: AudioResampler | None = None
        self._stop = None if length is None else round(length * RATE)
        self._at: int | None = None  # of the sample that comes next

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterator[Block]:
        """Those of a packet. time: when it begins, in seconds from the beginning of the part on."""
        with suppress(av.error.InvalidDataError):  # a damaged packet is left out
            frames: list[Any] = packet.decode()
            for frame in frames:
                # Frames come later than their packets where a decoder holds some back: they have times of their own.
                shift = (
                    0
                    if frame.pts is None or packet.pts is None
                    else (frame.pts * frame.time_base) - packet.pts * packet.time_base
                )
                yield from self._resampled(frame, time + shift)

    def end(self) -> Iterator[Block]:
        """Those that are left."""
        if self._resampler is not None:
            for frame in self._resampler.resample(None):
                yield from self._within(frame)

    def _resampled(self, frame: AudioFrame, time: Fraction) -> Iterator[Block]:
        resampler, left = self._resampler_for(frame)
        for piece in left:
            yield from self._within(piece)
        begin = round(time * RATE)
        # Times of containers are coarse: only where sound is missing does it go on at another place.
        if self._at is None or abs(begin - self._at) > RATE // 20:
            self._at = begin
        frame.pts = None
        for piece in resampler.resample(frame):
            yield from self._within(piece)

    def _resampler_for(self, frame: AudioFrame) -> tuple[AudioResampler, list[AudioFrame]]:
        """One that takes a frame, since a stream may change its form midway; and what is left in the one before it."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        left: list[AudioFrame] = []
        if self._resampler is None or form != self._form:
            left = [] if self._resampler is None else self._resampler.resample(None)
            self._resampler, self._form = AudioResampler(FORMAT, self._layout, RATE), form
        return self._resampler, left

    def _within(self, frame: AudioFrame) -> Iterator[Block]:
        begin, samples = self._at or 0, np.asarray(frame.to_ndarray(), np.float32)
        self._at = begin + samples.shape[1]
        first = max(0, -begin)
        last = samples.shape[1] if self._stop is None else min(samples.shape[1], self._stop - begin)
        if first < last:
            yield begin + first, samples[:, first:last].copy()


def frame_of(block: Block, layout: str) -> AudioFrame:
    """A block as a frame with its time."""
    begin, samples = block
    frame = AudioFrame.from_ndarray(samples, FORMAT, layout)
    frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
    return frame
