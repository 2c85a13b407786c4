"""Makes a reel: pieces of several videos, one after the other, in pictures of one size."""

import os
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from contracts.errors import VideoRefused
from contracts.results.codec import decompress
from contracts.wire.messages import Media, PacketIndex, decode
from contracts.wire.renditions import Part, Piece
from media.orientation import orientation_of
from processor.renditions.clips.exact import frames, span_of
from processor.renditions.clips.reel_sound import HeardPiece, ReelSound, has_sound
from processor.renditions.clips.selection import Selection, selected
from processor.renditions.clips.sound import Span
from processor.renditions.clips.views import view
from processor.renditions.encoder import Target, copy_to
from processor.renditions.frames import opened
from processor.renditions.inputs import Inputs, ReelInput, Tell
from processor.renditions.picture import Picture, ToPicture
from processor.renditions.protocol import Report, Request

_TICKS = 90_000  # per second
_THREADS = 4
_MATRIX = "709"
_BLACK, _GREY = 16, 128  # of brightness and of colour, in limited range


def reel(request: Request, target: Target, inputs: Inputs, tell: Tell) -> Report:
    """As a Maker."""
    wanted = request.options.reel
    if wanted is None or not wanted.pieces:
        raise VideoRefused("the pieces of the reel are missing")
    rates = {video_id: one.media.fps for video_id, one in inputs.videos.items()}
    total = sum(max(1, round((one.to_ms - one.from_ms) * rates[one.video_id] / 1000)) for one in wanted.pieces)
    threads = min(_THREADS, len(os.sched_getaffinity(0)))
    heard = {video_id for video_id, one in inputs.videos.items() if has_sound(one)}
    sound = ReelSound() if heard else None
    done = 0
    with copy_to(target, Fraction(1, _TICKS), max(rates.values()), Fraction(1), threads, sound) as (made, kind):
        for piece in wanted.pieces:
            before, source = done, inputs.videos[piece.video_id]
            found = _selected(source, piece)
            if sound is not None:
                sound.add(_heard(source if piece.video_id in heard else None, piece, *found))
            for time_ms, picture in _pictures(source, piece, (wanted.width, wanted.height), *found):
                made.add(picture, round(time_ms * _TICKS / 1000))
                done += 1
                tell(Report(done, max(done, total)))
            if done == before:
                raise VideoRefused(f"no frame of video {piece.video_id} from {piece.from_ms} ms on can be decoded")
    return Report(done, done, content_type=kind.content_type)


def _selected(source: ReelInput, piece: Piece) -> tuple[PacketIndex, Selection]:
    """The packet index of a piece's video, and the frames of the piece."""
    source.index.seek(0)
    index = decode(decompress(source.index.read()), PacketIndex)
    return index, selected(index, Part(piece.from_ms, piece.to_ms))


def _heard(source: ReelInput | None, piece: Piece, index: PacketIndex, chosen: Selection) -> HeardPiece:
    """The sound of a piece: from from_ms on, also where the frame that is shown then began before."""
    part = Part(piece.from_ms, piece.to_ms)
    shown = chosen.order.times[chosen.first] * Fraction(*index.time_base)
    span = span_of(index, chosen, part)
    begin = span.begin + Fraction(piece.from_ms, 1000) - shown
    length = Fraction(piece.to_ms - piece.from_ms, 1000)
    video = None if source is None else source.video
    return HeardPiece(Fraction(piece.at_ms, 1000), Span(begin, begin + length), length, video)


def _pictures(
    source: ReelInput, piece: Piece, size: tuple[int, int], index: PacketIndex, chosen: Selection
) -> Iterator[tuple[Fraction, Picture]]:
    """(ms in the reel, picture) of a piece. Raises VideoRefused, DecodeFailed."""
    ms = Fraction(*index.time_base) * 1000
    with opened(view(source.video), index) as video:
        orientation = orientation_of(source.media)
        aspect = orientation.pixel_aspect(video.stream.sample_aspect_ratio)
        to_picture = ToPicture(orientation, inside(source.media, aspect, size), _MATRIX)
        for number, frame in frames(video, index, chosen):
            # The first frame may have begun before the piece.
            since = max(Fraction(0), chosen.order.times[number] * ms - piece.from_ms)
            yield piece.at_ms + since, framed(to_picture(frame), size)


def inside(media: Media, aspect: Fraction, size: tuple[int, int]) -> tuple[int, int]:
    """Even width and height of the video's pictures within a size, with square pixels. aspect: of a pixel."""
    width, height = media.width * aspect, Fraction(media.height)
    scale = min(size[0] / width, size[1] / height)
    return max(2, int(width * scale / 2) * 2), max(2, int(height * scale / 2) * 2)


def framed(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture in the middle of a black one of that size, which is even."""
    width, height = picture.size
    left, top = (size[0] - width) // 4 * 2, (size[1] - height) // 4 * 2
    y = np.full((size[1], size[0]), _BLACK, np.uint8)
    u, v = (np.full((size[1] // 2, size[0] // 2), _GREY, np.uint8) for _ in range(2))
    y[top : top + height, left : left + width] = picture.y
    u[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = picture.u
    v[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = picture.v
    return Picture(y, u, v, picture.matrix)
