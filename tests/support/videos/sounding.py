"""Videos with sound whose pitch tells the time."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from tests.support.videos.formats import File

RATE = 48_000
_SAMPLES = 1024
_HERTZ, _HERTZ_PER_SECOND = 200, 1000
_SPECTRUM = 1 << 16


def with_sound(file: File, container: str, codec: str = "aac", seconds: float | None = None) -> File:
    """The packets of an MP4 file in a container, and a tone that rises from its beginning on, to its end or so long."""
    return _beside(file, container, codec, (("stereo", RATE),), seconds)


def with_changing_sound(file: File, codec: str, *forms: tuple[str, int]) -> File:
    """The same in a transport stream, the tone in parts as long as each other that have other layouts and rates."""
    return _beside(file, "mpegts", codec, forms, None)


def _beside(file: File, container: str, codec: str, forms: Sequence[tuple[str, int]], seconds: float | None) -> File:
    sink = io.BytesIO()
    with av.open(file.source(), "r") as reader, av.open(sink, "w", format=container) as writer:
        pictures = writer.add_stream_from_template(reader.streams.video[0], opaque=True)
        sound: Any = writer.add_stream(codec, rate=forms[0][1], layout=forms[0][0])
        stored: list[Any] = [packet for packet in reader.demux(video=0) if packet.size]
        end = max(packet.pts + packet.duration for packet in stored) * stored[0].time_base
        frames = list(_rising(float(end) if seconds is None else seconds))
        parts = np.array_split(np.arange(len(frames)), len(forms))
        encoders = [sound, *(_encoder(codec, layout, rate) for layout, rate in forms[1:])]
        heard = [
            packet
            for part, encoder in zip(parts, encoders, strict=True)
            for frame in [*(frames[number] for number in part), None]
            for packet in encoder.encode(frame)
        ]
        times = [(packet.dts * packet.time_base, packet, pictures) for packet in stored]
        times += [(packet.pts * packet.time_base, packet, sound) for packet in heard]
        for _, packet, stream in sorted(times, key=lambda item: item[0]):
            packet.stream = stream
            writer.mux(packet)
    return File(sink.getvalue())


def _encoder(codec: str, layout: str, rate: int) -> Any:
    made: Any = av.CodecContext.create(codec, "w")
    made.format, made.layout, made.rate = made.codec.audio_formats[0], layout, rate
    made.time_base = Fraction(1, rate)
    return made


def _rising(seconds: float) -> Iterator[AudioFrame]:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * (_HERTZ * time + _HERTZ_PER_SECOND / 2 * time**2)).astype(np.float32) / 2
    for start in range(0, len(wave), _SAMPLES):
        part = wave[start : start + _SAMPLES]
        frame = AudioFrame.from_ndarray(np.stack([part, part]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def heard(content: bytes) -> NDArray[np.float32]:
    """The samples of a file from its time 0 on, mono."""
    with av.open(io.BytesIO(content), "r") as reader:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames: list[Any] = [made for frame in reader.decode(audio=0) for made in resampler.resample(frame)]
    start = round(frames[0].pts * frames[0].time_base * RATE)
    wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return np.concatenate([np.zeros(start, np.float32), wave]) if start > 0 else wave[-start:]


def told_time(content: bytes, at: float) -> float:
    """Which time of the source is heard at a time of a file, in seconds."""
    wave = heard(content)
    first = round(at * RATE)
    piece = wave[first : first + _SAMPLES] * np.hanning(_SAMPLES)
    hertz = float(np.argmax(np.abs(np.fft.rfft(piece, _SPECTRUM)))) * RATE / _SPECTRUM
    return (hertz - _HERTZ) / _HERTZ_PER_SECOND - _SAMPLES / 2 / RATE
