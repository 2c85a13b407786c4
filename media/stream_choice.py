"""Which of a file's video streams is the one that players show."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from av.stream import Disposition

# Pictures beside the film: covers, pictures of a seek bar, and parts that only the whole of several streams shows.
_BESIDE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
_IMPAIRED = Disposition.hearing_impaired | Disposition.visual_impaired


# Codecs of single pictures, in which covers and previews come; a film beside them is in another.
_PICTURES = ("mjpeg", "png", "webp", "gif", "bmp", "tiff")


class Candidate(Protocol):
    """What the choice looks at, besides name (of the codec), width and height, which a stream that cannot be decoded
    lacks.

    frames: as the container announces them; 0 is unknown.
    """

    @property
    def disposition(self) -> Disposition | int: ...
    @property
    def frames(self) -> int: ...


Stream = TypeVar("Stream", bound=Candidate)


def chosen(streams: Iterable[Stream]) -> Stream | None:
    """The stream that a player shows; None where none of them stands for itself.

    As FFmpeg chooses (av_find_best_stream), what is meant for everybody and marked as default comes first, and a film
    before a single picture; where the container does not tell, a codec of pictures is no film's. Among equals, the
    largest is chosen, as the ffmpeg command does, since FFmpeg's own next step, the bit rate, is not known of all
    containers; then the one with the most frames, then the first. Nothing but the opened file counts, so that all
    readers of a file choose the same.
    """
    return max((stream for stream in streams if not stream.disposition & _BESIDE), key=_rank, default=None)


def undecided(streams: Iterable[Candidate]) -> bool:
    """Whether the choice would be blind: one of several streams that could be chosen is of unknown size."""
    sizes = [getattr(stream, "width", None) for stream in streams if not stream.disposition & _BESIDE]
    return len(sizes) > 1 and 0 in sizes


def _rank(stream: Candidate) -> tuple[int, bool, bool, int, int]:
    standing = bool(stream.disposition & Disposition.default) + (not stream.disposition & _IMPAIRED)
    pixels = getattr(stream, "width", 0) * getattr(stream, "height", 0)
    film = getattr(stream, "name", "") not in _PICTURES
    return standing, stream.frames != 1, film, pixels, stream.frames
