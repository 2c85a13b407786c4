"""Recordings as an ingest writes them, and results as a detector does."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from contracts.live import keys
from contracts.live.recordings import JPEG_MAGIC, JPEG_RECORD
from contracts.live.results import FIELD, LiveFrame, encode, pack
from contracts.results.codec import Detections
from contracts.wire.messages import Plan
from contracts.wire.messages import encode as encode_message
from ingest.packaging.boxes import box, fragment_head, initialisation_segment, sample_entry
from tests.support.videos.clips import Clip

START = 8_100_000_017  # the stream runs for a day
LAST_TICKS = 3000
_ENTRIES = {"h264": (b"avc1", b"avcC"), "hevc": (b"hvc1", b"hvcC")}


@dataclass(frozen=True)
class Written:
    """An object of a recording. pts: of its frames in the order of display; end: of the last one, on the stream clock.
    sizes: of the object after each frame in the order of decoding."""

    content: bytes
    pts: tuple[int, ...]
    end: int
    sizes: tuple[int, ...]


def uneven(count: int, start: int = START) -> list[int]:
    """Times of frames as they come from a network."""
    return [start + number * 3003 + (number * 37) % 400 * bool(number) for number in range(count)]


def fragments(clip: Clip, times: Sequence[int], rotation: int = 0) -> Written:
    """The packets of a clip as a fragment each, shown at these times."""
    reader: Any
    with av.open(clip.source()) as reader:
        stream = reader.streams.video[0]
        kind, configuration = _ENTRIES[stream.codec_context.name]
        entry = box(configuration, stream.codec_context.extradata or b"")
        packets = [packet for packet in reader.demux(stream) if packet.size]
    shown = {pts: rank for rank, pts in enumerate(sorted(packet.pts for packet in packets))}
    ranks = [shown[packet.pts] for packet in packets]
    delay = max(place - rank for place, rank in enumerate(ranks))
    decoding = [*(times[0] - 3000 * (delay - place) for place in range(delay)), *times]
    described = sample_entry(kind, entry, clip.width, clip.height)
    parts = [initialisation_segment(described, clip.width, clip.height, rotation)]
    sizes, size = [], len(parts[0])
    for place, (rank, packet) in enumerate(zip(ranks, packets, strict=True)):
        duration = times[rank + 1] - times[rank] if rank + 1 < len(times) else LAST_TICKS
        data = bytes(packet)
        key = packet.is_keyframe
        parts += [fragment_head(place + 1, times[rank], decoding[place], duration, key, len(data)), data]
        size += sum(map(len, parts[-2:]))
        sizes.append(size)
    return Written(b"".join(parts), tuple(times), times[-1] + LAST_TICKS, tuple(sizes))


def pictures(images: Iterable[bytes], times: Sequence[int]) -> Written:
    """JPEG pictures shown at these times."""
    content, sizes = JPEG_MAGIC, []
    for image, pts in zip(images, times, strict=True):
        content += JPEG_RECORD.pack(pts, len(image)) + image
        sizes.append(len(content))
    return Written(content, tuple(times), times[-1] + LAST_TICKS, tuple(sizes))


def put_plan(client: Any, stream_id: str, plan: Plan, revision: int = 1) -> None:
    """The plan of a stream's results."""
    client.hset(keys.plans(stream_id), str(revision), encode_message(plan))


def put_results(
    client: Any,
    stream_id: str,
    pts: Iterable[int],
    plan: int = 1,
    age: float = 3600,
    tracks: Callable[[int], Sequence[int]] | None = None,
    **dropped: int,
) -> list[LiveFrame]:
    """Results of the frames with these pts, as a detector writes them. age: seconds since that with START came.
    tracks: of the two objects of a frame, of which some have none or one; None for a detector that does not track."""
    frames, began = [], time.time() - age
    for number, one in enumerate(pts):
        count = number % 3
        box = np.array([[number % 50, 1.25, number % 50 + 10, 20.5]] * count).reshape(-1, 4)
        columns = pack(Detections(np.arange(count), np.full(count, 0.5), box))
        frame = LiveFrame(
            number=number,
            pts=one,
            width=160,
            height=96,
            arrival=began + (one - START) / 90_000,
            done=time.time(),
            plan=plan,
            **columns,  # type: ignore[arg-type]
            dropped=dropped,
            track=b"" if tracks is None else np.array(tracks(number)[:count], "<u4").tobytes(),
        )
        client.xadd(keys.results(stream_id), {FIELD: encode(frame)})
        frames.append(frame)
    return frames
