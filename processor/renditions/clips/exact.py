"""Encodes a clip anew, so that it begins and ends at the very frames that were asked for."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from typing import BinaryIO

from av.video.frame import VideoFrame
from msgspec import UNSET

from contracts.errors import VideoRefused
from contracts.wire.messages import Media, PacketIndex
from contracts.wire.renditions import Part
from media.frames_of_packets import frames_of_packets
from media.orientation import orientation_of
from media.seekable_video import Video
from processor.renditions.clips.selection import Selection, selected
from processor.renditions.clips.sound import Span
from processor.renditions.clips.soundtrack import Soundtrack
from processor.renditions.clips.views import view
from processor.renditions.encoder import Target, copy_to
from processor.renditions.frames import numbered_frames, opened
from processor.renditions.inputs import Tell
from processor.renditions.picture import ToPicture, fitted
from processor.renditions.protocol import Report

CLIP_PIXELS = 3840
_THREADS = 4


def encode(target: Target, source: BinaryIO, media: Media, index: PacketIndex, part: Part, tell: Tell) -> Report:
    """Write the clip. Raises VideoRefused, DecodeFailed, av.error.FFmpegError."""
    chosen = selected(index, part)
    orientation = orientation_of(media)
    to_picture = ToPicture(orientation, fitted(media.width, media.height, CLIP_PIXELS))
    threads = min(_THREADS, len(os.sched_getaffinity(0)))
    total, done = chosen.stop - chosen.first, 0
    with ExitStack() as stack:
        video = stack.enter_context(opened(view(source), index))
        sound = None
        if media.clock is UNSET:  # else there is no one time of both
            sound = stack.enter_context(closing(Soundtrack(view(source), span_of(index, chosen, part))))
        aspect = orientation.pixel_aspect(video.stream.sample_aspect_ratio)
        begun = copy_to(target, Fraction(*index.time_base), media.fps, aspect, threads, sound)
        copy, kind = stack.enter_context(begun)
        for number, frame in frames(video, index, chosen):
            copy.add(to_picture(frame), chosen.order.times[number] - chosen.order.times[chosen.first])
            done += 1
            tell(Report(done, total))
    if not done:
        raise VideoRefused("no frame of this part can be decoded")
    return Report(done, total, content_type=kind.content_type)


def span_of(index: PacketIndex, chosen: Selection, part: Part) -> Span:
    """From the first frame that is shown to the end of the part, by the clock of the container."""
    unit, shown = Fraction(*index.time_base), chosen.order.times[chosen.first]
    time = index.pts[chosen.order.packets[chosen.first]] if index.clock == "pts" else None
    begin = (shown if time is None else time) * unit
    return Span(begin, begin + Fraction(part.to_ms, 1000) - shown * unit)


def frames(video: Video, index: PacketIndex, chosen: Selection) -> Iterator[tuple[int, VideoFrame]]:
    """The frames that are shown, with their numbers. Those that cannot be decoded are left out."""
    for number, frame in _decoded(video, index, chosen):
        if number >= chosen.stop:
            return
        if number >= chosen.first:
            yield number, frame


def _decoded(video: Video, index: PacketIndex, chosen: Selection) -> Iterator[tuple[int, VideoFrame]]:
    if chosen.start is None or (index.clock == "dts" and index.frames is UNSET):
        yield from ((number, frame) for number, _, frame in numbered_frames(video, index))
        return
    for packet, frame in frames_of_packets(video.packets_from(chosen.start), video.stream):
        if (number := chosen.order.ranks.get(packet)) is not None:
            yield number, frame
