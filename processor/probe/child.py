"""What a file is: container, codec, facts and packet index. Runs as a process of its own.

    python -m processor.probe.child DESCRIPTOR MAX_FRAME_PIXELS MAX_FRAMES MAX_PIXELS CPU_SECONDS FPS PARENT

writes a ProbeReport to standard output, or ends with STORAGE_FAILED and writes why. DESCRIPTOR is the
file's, handed over by the parent, whose process number is PARENT. FPS may be empty. A hostile file can only end this
process: see media.sandbox.
"""

from contracts.runtime import startup

startup.begin(__name__)

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO, cast

import av
import msgspec
from av.container import InputContainer
from av.video.stream import VideoStream
from msgspec import UNSET, UnsetType

from contracts.errors import DecodeFailed, StorageUnavailable, VideoRefused
from contracts.results.codec import time_ms
from contracts.storage.range_reader import watched
from contracts.wire.messages import ClockSegment, ProbeReport, VideoMedia, encode
from media import sandbox
from media.colour import check_readable
from media.demuxers import ANIMATIONS, RAW, STILLS
from media.file_handover import STORAGE_FAILED, taken
from media.heif import STILL_BRANDS, Tiling, tiling
from media.orientation import Orientation
from media.seekable_video import open_container, video_stream
from media.tiles import put_together
from media.transport_stream import OneVideo, one_video
from processor.core.frame_order import frame_order
from processor.probe import encryption, foreign, jpeg_stream
from processor.probe.beginning import beginning
from processor.probe.damage import Damage
from processor.probe.frame_sizes import FrameSizes
from processor.probe.indexing import ContainerClock, Indexed, index_of
from processor.probe.packets import read_packets
from processor.probe.rate import Rate, rate_of
from processor.probe.ts_pids import PidWatch
from processor.probe.vpx_headers import Size

_MEMORY_BYTES = 2 * 1024**3
_MOST_SEGMENTS = 1000  # of the clock, in the metadata
_MP4_BOXES = (b"ftyp", b"wide", b"mdat", b"free", b"skip", b"moov")


@dataclass(frozen=True, slots=True)
class Limits:
    """max_frame_pixels: width times height; max_frames: of the whole video; max_pixels: of all frames together."""

    max_frame_pixels: int
    max_frames: int
    max_pixels: int


def inspect(source: BinaryIO, limits: Limits, fps: float | None = None) -> ProbeReport:
    """Media and packet index of a video. Raises VideoRefused with a reason for the user.

    fps: rate of an elementary stream, which has no times; None for what it states itself.
    """
    head = source.read(foreign.HEAD_BYTES)
    if reason := foreign.refusal(head) or encryption.refusal(source):
        raise VideoRefused(reason)
    try:
        if reason := jpeg_stream.refusal(source):
            raise VideoRefused(reason)
        parts = tiling(source)
        if parts is not None:
            _check_sizes([(parts.width, parts.height)], limits)
            source = put_together(source, parts)
        return _report(source, head, limits, parts, fps)
    except DecodeFailed as error:
        raise VideoRefused(error.detail) from error
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        if head[4:8] in _MP4_BOXES:
            raise VideoRefused(
                "its index cannot be read, which an mp4 or mov mostly has at its end: the file is cut short or damaged"
            ) from error
        raise VideoRefused(
            "this is not a video that can be read: send a video file that plays elsewhere, such as mp4, mkv or webm"
        ) from error


def _report(
    source: BinaryIO,
    head: bytes,
    limits: Limits,
    parts: Tiling | None,
    fps: float | None,
    pids: tuple[int, ...] = (),
) -> ProbeReport:
    """parts: of a picture that was put together. pids: that source shows as one."""
    with open_container(source) as container:
        stream = _video_stream(container, limits)
        begun = beginning(container, stream)
        _check_sizes([(begun.frame.width, begun.frame.height)], limits)
        check_readable(begun.frame, stream.codec_context.codec_tag)
        watch = PidWatch(source) if container.format.name == "mpegts" else None
    # Reopened, since a seek to the start would skip packets where times are negative or wrap.
    with open_container(source if watch is None else cast(BinaryIO, watch)) as container:
        stream = _video_stream(container, limits)
        damage = Damage(container, stream, source.changes if isinstance(source, OneVideo) else ())
        sizes = FrameSizes(stream, (begun.frame.width, begun.frame.height))
        packets = read_packets(container, stream, limits.max_frames, damage, sizes)
        if watch is not None and not pids and (found := watch.pids(stream.id)):
            return _report(one_video(source, found), head, limits, parts, fps, found)
        _check_sizes(sizes.found, limits)
        reason = damage.reason(source)
        if reason is None and watch is not None and watch.changes_codec(stream.id):
            reason = "its video goes on in another codec, which is not read: cut it there"
        rate = rate_of(fps, begun.stated_rate) if container.format.name in RAW else None
        clock = _clock(container, stream, head, rate)
        indexed = index_of(source, packets, clock, begun.packets)
        duration = 0 if parts is not None or _is_picture(container) else clock.duration(packets.duration)
        media = _media(container, stream, begun.orientation, indexed, duration, reason, sizes.found)
        media = media if rate is None else msgspec.structs.replace(media, fps_source=rate.source)
        if parts is not None:
            media = msgspec.structs.replace(media, container="mp4", codec=parts.codec)
        if media.width * media.height * media.frames > limits.max_pixels:
            raise VideoRefused(
                f"its {media.frames} frames have {media.width}x{media.height} pixels; at most {limits.max_pixels} "
                "are accepted of all together: cut it into parts, or send it smaller"
            )
        return ProbeReport(media=media, index=msgspec.structs.replace(indexed.index, pids=pids or UNSET))


def _video_stream(container: InputContainer, limits: Limits) -> VideoStream:
    stream = video_stream(container)
    if stream is None:
        held = "only sound" if container.streams.audio else "no picture"
        raise VideoRefused(f"the file holds {held}: a video stream is needed")
    if stream.codec_context is None:
        raise VideoRefused("the video stream is of a codec that cannot be decoded, or damaged")
    _check_sizes([(stream.width, stream.height)], limits)  # 0x0 where the stream begins late in the file
    return stream


def _check_sizes(sizes: list[Size], limits: Limits) -> None:
    for width, height in sizes:
        if width * height > limits.max_frame_pixels:
            raise VideoRefused(
                f"its frames have {width}x{height} pixels; at most {limits.max_frame_pixels} are accepted"
            )


def _clock(container: InputContainer, stream: VideoStream, head: bytes, rate: Rate | None) -> ContainerClock:
    """rate: of an elementary stream, whose clock counts frames."""
    # Browsers play WebM by its own times, live or not.
    matroska = container.format.name == "matroska,webm" and b"webm" not in head
    return ContainerClock(
        name=container.format.name,
        time_base=1 / rate.fps if rate else stream.time_base or Fraction(1, 1000),
        start=container.start_time,
        reorders=bool(stream.codec_context.has_b_frames),
        live=matroska and container.duration is None,
        counts_frames=rate is not None,
    )


def _media(
    container: InputContainer,
    stream: VideoStream,
    turned: Orientation,
    indexed: Indexed,
    duration: int,
    damage: str | None,
    stored_sizes: list[Size],
) -> VideoMedia:
    """The metadata. duration: of a frame, by the container, in units of its time base; 0 of a picture."""
    sizes = [turned.size(*size) for size in stored_sizes]
    width, height = sizes[0]
    times = frame_order(indexed.index).times
    gaps = [later - earlier for earlier, later in pairwise(times)]
    tick = float(Fraction(*indexed.index.time_base))
    span = (times[-1] - times[0]) * tick
    typical = sorted(gaps)[len(gaps) // 2] if gaps else duration
    aspect = turned.pixel_aspect(stream.sample_aspect_ratio)
    return VideoMedia(
        container=_container_name(container),
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        rotation=turned.rotation,
        pixel_aspect=f"{aspect.numerator}:{aspect.denominator}",
        duration_ms=round((span + typical * tick) * 1000, 3),
        frames=len(times),
        fps=_rate(len(gaps) / span) if span else _rate(1 / (typical * tick)) if typical else 0.0,
        # Containers round times to their time base, so that even a constant rate varies by a tick.
        variable_fps=any(abs(gap - typical) > max(2, typical * 0.02) for gap in gaps),
        damage=damage,
        frame_sizes=tuple(sizes) if len(sizes) > 1 else UNSET,
        mirrored=turned.mirrored or UNSET,
        start_ms=time_ms(indexed.origin, indexed.index.time_base) if indexed.origin else UNSET,
        clock=_segments(indexed, times),
    )


def _rate(fps: float) -> float:
    """Frames per second to 3 decimals, or to 3 digits where that is finer."""
    return round(fps, 3) if fps >= 1 else float(f"{fps:.3g}")


def _segments(indexed: Indexed, times: Sequence[int]) -> tuple[ClockSegment, ...] | UnsetType:
    """The segments of the container's clock, where there is more than one."""
    if len(indexed.breaks) == 1:
        return UNSET
    base = indexed.index.time_base
    return tuple(
        ClockSegment(at.frame, time_ms(times[at.frame], base), time_ms(at.own, base), at.reason)
        for at in indexed.breaks[:_MOST_SEGMENTS]
    )


def _is_picture(container: InputContainer) -> bool:
    """Whether one frame is a picture rather than a short video."""
    brand = container.metadata.get("major_brand", "").strip()
    return container.format.name in (*STILLS, *ANIMATIONS) or brand.encode() in STILL_BRANDS


def _container_name(container: InputContainer) -> str:
    """One name of those that a demuxer goes by."""
    names = container.format.name.split(",")
    if "mp4" not in names:
        return names[0].removesuffix("_pipe")
    return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"


def main(arguments: list[str]) -> int:
    """Entry point of the bounded process."""
    descriptor, *limits, cpu_seconds, fps, parent = arguments
    sandbox.enter(sandbox.Bounds(_MEMORY_BYTES, int(cpu_seconds)), int(parent))
    try:
        with taken(int(descriptor)) as source, watched(source) as reader:
            report = inspect(reader, Limits(*map(int, limits)), float(fps) if fps else None)
    except VideoRefused as error:
        report = ProbeReport(refused=error.detail)
    except MemoryError:
        report = ProbeReport(refused="reading it takes more memory than is allowed")
    except StorageUnavailable as error:
        sys.stdout.write(error.detail)
        return STORAGE_FAILED
    sys.stdout.buffer.write(encode(report))
    return 0


if __name__ == "__main__":
    startup.done()
    sys.exit(main(sys.argv[1:]))
