"""What a file is: container, codec, facts and packet index. Runs as a process of its own.

    python -m processor.probe.child DESCRIPTOR MAX_FRAME_PIXELS MAX_FRAMES MAX_PIXELS CPU_SECONDS PARENT

writes a ProbeReport to standard output, or ends with STORAGE_FAILED and writes why. DESCRIPTOR is the
file's, handed over by the parent, whose process number is PARENT. A hostile file can only end this process: see
media.sandbox.
"""

import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO

import av
import msgspec
from av import logging
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from msgspec import UNSET

from contracts.errors import DecodeFailed, StorageUnavailable, VideoRefused
from contracts.storage.range_reader import watched
from contracts.wire.messages import SCHEMA, Clock, Media, PacketIndex, ProbeReport, encode
from media import sandbox
from media.colour import check_readable
from media.demuxers import ANIMATIONS, STILLS
from media.file_handover import STORAGE_FAILED, taken
from media.heif import tiling
from media.seekable_video import open_container, video_stream
from media.tiles import put_together
from processor.core.cutting import shown
from processor.probe import encryption, foreign, jpeg_stream
from processor.probe.damage import Damage
from processor.probe.first_frame import First, first_frame
from processor.probe.frame_sizes import FrameSizes
from processor.probe.vpx_headers import Size

_MEMORY_BYTES = 2 * 1024**3
_MP4_BOXES = (b"ftyp", b"wide", b"mdat", b"free", b"skip", b"moov")


@dataclass(frozen=True, slots=True)
class Limits:
    """max_frame_pixels: width times height; max_frames: of the whole video; max_pixels: of all frames together."""

    max_frame_pixels: int
    max_frames: int
    max_pixels: int


@dataclass(slots=True)
class _Packets:
    """Columns of the packet index while it grows; a missing time is a position in `no_pts` or
    `no_dts`, and a packet that is never shown one in `hidden`."""

    pts: "array[int]" = field(default_factory=lambda: array("q"))
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    no_pts: set[int] = field(default_factory=set)
    no_dts: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    keyframes: list[int] = field(default_factory=list)


def inspect(source: BinaryIO, limits: Limits) -> ProbeReport:
    """Media and packet index of a video. Raises VideoRefused with a reason for the user."""
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
        with open_container(source) as container:
            stream = _video_stream(container, limits)
            first = first_frame(container, stream)
            _check_sizes([(first.frame.width, first.frame.height)], limits)
            check_readable(first.frame, stream.codec_context.codec_tag)
        # Reopened, since a seek to the start would skip packets where times are negative or wrap.
        with open_container(source) as container:
            stream = _video_stream(container, limits)
            damage = Damage(container, stream)
            sizes = FrameSizes(stream, (first.frame.width, first.frame.height))
            index = _index(_read_packets(container, stream, limits, damage, sizes), stream)
            _check_sizes(sizes.found, limits)
            media = _media(container, stream, first, index, damage.reason(source), sizes.found)
            if parts is not None:
                media = msgspec.structs.replace(media, container="mp4", codec=parts.codec)
            if media.width * media.height * media.frames > limits.max_pixels:
                raise VideoRefused(
                    f"its {media.frames} frames have {media.width}x{media.height} pixels; at most {limits.max_pixels} "
                    "are accepted of all together: cut it into parts, or send it smaller"
                )
            return ProbeReport(media=media, index=index)
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


def _read_packets(
    container: InputContainer, stream: VideoStream, limits: Limits, damage: Damage, sizes: FrameSizes
) -> _Packets:
    packets = _Packets()
    codec = stream.codec_context.codec.canonical_name
    with _logged() as logs:
        for packet in damage.until_error(container.demux(stream)):
            damage.hear(logs)
            if not packet.size:
                continue  # the flush at the end
            if packets.pts and container.format.name in STILLS:
                break  # previews, and whatever else follows the picture
            damage.see(packet)
            sizes.see(packet)
            position = len(packets.pts)
            if position >= limits.max_frames:
                raise VideoRefused(f"it has more than {limits.max_frames} frames")
            if _is_hidden(packet, codec):
                packets.hidden.add(position)
            elif packet.pts is None:
                packets.no_pts.add(position)
            if packet.dts is None:
                packets.no_dts.add(position)
            packets.pts.append(packet.pts or 0)
            packets.dts.append(packet.dts or 0)
            if packet.is_keyframe and not (packets.keyframes and container.format.name in ANIMATIONS):
                packets.keyframes.append(position)
    damage.hear(logs)
    return packets


@contextmanager
def _logged() -> Iterator[list[tuple[int, str, str]]]:
    """The errors that the libraries log in this thread meanwhile: level, who, text."""
    level, skip_repeated = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)
    try:
        with logging.Capture(local=True) as logs:
            yield logs
    finally:
        logging.set_level(level)
        logging.set_skip_repeated(skip_repeated)


def _is_hidden(packet: "Packet[VideoStream]", codec: str) -> bool:
    """Whether a packet is decoded for the sake of others and never shown: before an edit list's
    start, or a VP8 reference without the bit that shows it."""
    return packet.is_discard or (codec == "vp8" and not memoryview(packet)[0] & 0x10)


def _index(packets: _Packets, stream: VideoStream) -> PacketIndex:
    untimed = packets.no_pts | packets.hidden
    pts = tuple(None if i in untimed else value for i, value in enumerate(packets.pts))
    dts = tuple(None if i in packets.no_dts else value for i, value in enumerate(packets.dts))
    time_base = stream.time_base or Fraction(1, 1000)
    return PacketIndex(
        schema=SCHEMA,
        time_base=(time_base.numerator, time_base.denominator),
        clock="dts" if _is_untimed(stream) else _clock(pts, dts, len(packets.no_pts)),
        pts=pts,
        dts=dts,
        keyframes=tuple(packets.keyframes),
    )


def _is_untimed(stream: VideoStream) -> bool:
    """AVI counts packets and knows no times of display: with B-frames its pts are the times of decoding."""
    return stream.container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def _clock(pts: tuple[int | None, ...], dts: tuple[int | None, ...], missing: int) -> Clock:
    """Times of display where every frame has its own, else those of decoding.

    missing: how many packets are shown and have no pts."""
    known = [value for value in pts if value is not None]
    if len(set(known)) == len(known) and len(known) > missing:
        return "pts"
    if all(value is not None for value in dts):
        return "dts"
    raise VideoRefused("its frames carry no times: put it into a container such as mp4 or mkv")


def _media(
    container: InputContainer,
    stream: VideoStream,
    first: First,
    index: PacketIndex,
    damage: str | None,
    stored_sizes: list[Size],
) -> Media:
    sizes = [first.orientation.size(*size) for size in stored_sizes]
    width, height = sizes[0]
    times = shown(index)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    tick = float(Fraction(*index.time_base))
    span = (times[-1] - times[0]) * tick
    typical = sorted(gaps)[len(gaps) // 2] if gaps else 0
    aspect = first.orientation.pixel_aspect(stream.sample_aspect_ratio)
    return Media(
        container=_container_name(container),
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        rotation=first.orientation.rotation,
        pixel_aspect=f"{aspect.numerator}:{aspect.denominator}",
        duration_ms=round((span + typical * tick) * 1000, 3),
        frames=len(times),
        fps=round(len(gaps) / span, 3) if span else 0.0,
        # Containers round times to their time base, so that even a constant rate varies by a tick.
        variable_fps=any(abs(gap - typical) > max(2, typical * 0.02) for gap in gaps),
        damage=damage,
        frame_sizes=tuple(sizes) if len(sizes) > 1 else UNSET,
        mirrored=first.orientation.mirrored or UNSET,
    )


def _container_name(container: InputContainer) -> str:
    """One name of those that a demuxer goes by."""
    names = container.format.name.split(",")
    if "mp4" not in names:
        return names[0].removesuffix("_pipe")
    return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"


def main(arguments: list[str]) -> int:
    """Entry point of the bounded process."""
    descriptor, *limits, cpu_seconds, parent = arguments
    sandbox.enter(sandbox.Bounds(_MEMORY_BYTES, int(cpu_seconds)), int(parent))
    try:
        with taken(int(descriptor)) as source, watched(source) as reader:
            report = inspect(reader, Limits(*map(int, limits)))
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
    sys.exit(main(sys.argv[1:]))
