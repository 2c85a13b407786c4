"""Cuts a clip out of a video without encoding anything anew."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from heapq import merge
from typing import Any, BinaryIO

import av
from av.packet import Packet
from av.video.stream import VideoStream
from msgspec import UNSET

from contracts.errors import VideoRefused
from contracts.wire.messages import Media, PacketIndex
from contracts.wire.renditions import Part
from media.seekable_video import NumberedPacket, Video
from processor.renditions.clips.selection import ANEW, Between, Selection, Timed, selected, tick, timed
from processor.renditions.clips.sound import Sound, Span
from processor.renditions.clips.views import view
from processor.renditions.encoder import Target
from processor.renditions.frames import opened
from processor.renditions.inputs import Tell
from processor.renditions.protocol import Report

_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "matroska": "video/x-matroska"}
_MUXING = {"mp4": {"movflags": "+faststart"}, "webm": {"cues_to_front": "1"}, "matroska": {"cues_to_front": "1"}}
_IN_MP4 = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_IN_WEBM = frozenset({"vp8", "vp9", "av1", "opus", "vorbis"})
# Codecs whose fields, in packets of their own, are decoded from one packet too.
_OF_FIELDS = frozenset({"h264", "hevc", "mpeg2video"})
_HIDING = frozenset({"vp8", "vp9"})
_HVC1 = "hvc1"  # by which Apple's players know HEVC
Timeline = Iterator[tuple[Fraction, "Packet[Any]"]]


def cut(target: Target, source: BinaryIO, media: Media, index: PacketIndex, part: Part, tell: Tell) -> Report:
    """Write the clip. Raises VideoRefused where it cannot be cut, av.error.FFmpegError."""
    if media.frame_sizes is not UNSET:
        raise VideoRefused(f"its pictures change their size, so that it cannot be cut: {ANEW}")
    if index.clock == "dts" and index.frames is UNSET:
        raise VideoRefused(f"an early release examined it, which did not note the order of its frames: {ANEW}")
    chosen = selected(index, part)
    packets = timed(index, chosen, _between(media.codec, chosen))
    total = sum(packet.times is not None for packet in packets)
    with opened(view(source), index) as video, closing(Sound(view(source), _span(index, chosen, packets))) as sound:
        heard = [] if media.clock is not UNSET else sound.streams
        name = _container(media, heard)
        options = _MUXING[name]
        with av.open(target.sink, "w", format=name, options=options, io_open=lambda *_: target.again) as writer:
            pictures = _like(writer, video.stream)
            pictures.time_base = tick(index)
            if media.codec == "hevc" and name == "mp4":
                pictures.codec_context.codec_tag = _HVC1
            others = {stream.index: _like(writer, stream) for stream in heard}
            timelines = [_pictures(video, chosen, packets, pictures), _sounds(sound, others) if others else iter(())]
            done = 0
            for _, packet in merge(*timelines, key=lambda item: item[0]):
                done += packet.stream is pictures
                writer.mux(packet)
                tell(Report(done, total))
    return Report(total, total, content_type=_TYPES[name])


def _between(codec: str, chosen: Selection) -> Between:
    if codec in _HIDING:
        return "hidden"
    return "joined" if codec in _OF_FIELDS and chosen.order.several else "unknown"


def _container(media: Media, heard: Iterable[Any]) -> str:
    """The container for these codecs: that of the video where it is WebM, else MP4, else what takes all."""
    codecs = {media.codec, *(stream.codec_context.codec.canonical_name for stream in heard)}
    if codecs <= _IN_WEBM and media.container in ("webm", "matroska"):
        return "webm"
    return "mp4" if codecs <= _IN_MP4 else "matroska"


def _span(index: PacketIndex, chosen: Selection, packets: list[Timed]) -> Span:
    """The time of the clip by the clock of the container."""
    first = chosen.order.packets[chosen.key]
    time = index.pts[first] if index.clock == "pts" else None
    begin = (chosen.order.times[chosen.key] if time is None else time) * Fraction(*index.time_base)
    last = max(packet.times[0] + packet.times[2] for packet in packets if packet.times)
    is_whole = chosen.stop == len(chosen.order.packets)
    return Span(begin, None if is_whole else begin + last * tick(index))


def _like(writer: Any, stream: Any) -> Any:
    made = writer.add_stream_from_template(stream, opaque=True)
    if isinstance(stream, VideoStream) and stream.sample_aspect_ratio:
        made.sample_aspect_ratio = stream.sample_aspect_ratio
    return made


def _pictures(video: Video, chosen: Selection, packets: list[Timed], stream: Any) -> Timeline:
    """The packets of pictures with their new times. Raises VideoRefused where the file lacks one of them."""
    source = iter(video.packets() if chosen.start is None else video.packets_from(chosen.start))
    unit = stream.time_base
    waiting: tuple[Fraction, Packet[Any]] | None = None
    for timing in packets:
        packet = _found(source, timing.number)
        if timing.times is not None:
            if waiting is not None:
                yield waiting[0], _placed(waiting[1], stream)
            packet.pts, packet.dts, packet.duration = timing.times
            packet.time_base, packet.is_keyframe = unit, timing.key
            waiting = (timing.times[1] * unit, packet)
        elif waiting is not None:
            waiting = (waiting[0], _joined(waiting[1], packet))
    if waiting is not None:
        yield waiting[0], _placed(waiting[1], stream)


def _found(source: Iterator[NumberedPacket], number: int) -> "Packet[Any]":
    for found, packet in source:
        if packet is not None and found == number:
            return packet
    raise VideoRefused("the file ends before this part, or has changed")


def _joined(packet: "Packet[Any]", more: "Packet[Any]") -> "Packet[Any]":
    """One packet of two fields."""
    whole: Packet[Any] = Packet(bytes(packet) + bytes(more))
    whole.pts, whole.dts, whole.duration = packet.pts, packet.dts, packet.duration
    whole.time_base, whole.is_keyframe = packet.time_base, packet.is_keyframe
    return whole


def _placed(packet: "Packet[Any]", stream: Any) -> "Packet[Any]":
    packet.stream = stream
    return packet


def _sounds(sound: Sound, streams: dict[int, Any]) -> Timeline:
    for time, packet in sound.packets():
        unit = packet.time_base or Fraction(1, 1)
        packet.stream = streams[packet.stream_index]
        packet.pts = packet.dts = round(time / unit)
        packet.time_base = unit
        yield time, packet
