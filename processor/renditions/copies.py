"""Copies of a video, and its poster. Runs in the sandbox."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from PIL import Image

from contracts.errors import VideoRefused
from contracts.results.result_file import ResultFile
from media.orientation import orientation_of
from processor.renditions.annotations import Annotations, covered
from processor.renditions.drawing import draw
from processor.renditions.encoder import Target, copy_to
from processor.renditions.frames import NumberedFrame, numbered_frames, opened
from processor.renditions.inputs import Inputs, Tell
from processor.renditions.picture import Picture, ToPicture, fitted
from processor.renditions.protocol import Report, Request

POSTER_PIXELS = 640
COPY_PIXELS = 1280
_JPEG_QUALITY = 85
_ENCODER_THREADS = 4


# Draws over a picture of the frame with that number.
Overlay = Callable[[Picture, int], None]


def copy(request: Request, target: Target, inputs: Inputs, tell: Tell) -> Report:
    """A copy of the video, with the boxes of a job where it has results."""
    if inputs.results is None:
        return copied(request, target, inputs, tell, range(request.media.frames), lambda _picture, _number: None)
    file, displayed = ResultFile(inputs.results), (request.media.width, request.media.height)
    notes = Annotations(file, request.options)

    def overlay(picture: Picture, number: int) -> None:
        draw(picture, displayed, notes.at(number))

    return copied(request, target, inputs, tell, covered(file, inputs.index), overlay)


def copied(
    request: Request, target: Target, inputs: Inputs, tell: Tell, numbers: Sequence[int], overlay: Overlay
) -> Report:
    """A copy of the frames with these numbers (rising), each drawn over. Raises VideoRefused."""
    media, index, total, done = request.media, inputs.index, len(numbers), 0
    orientation = orientation_of(media)
    to_picture = ToPicture(orientation, fitted(media.width, media.height, COPY_PIXELS))
    threads = min(_ENCODER_THREADS, len(os.sched_getaffinity(0)))
    with (
        opened(inputs.video, index) as decoded,
        copy_to(
            target,
            Fraction(*index.time_base),
            media.fps,
            orientation.pixel_aspect(decoded.stream.sample_aspect_ratio),
            threads,
        ) as (made, kind),
    ):
        for number, shown_at, frame in _selected(numbered_frames(decoded, index), numbers):
            picture = to_picture(frame)
            overlay(picture, number)
            made.add(picture, shown_at)
            done += 1
            tell(Report(done, total))
    if not done:
        raise VideoRefused("no frame of the video can be decoded")
    return Report(done, total, content_type=kind.content_type)


def poster(request: Request, target: Target, inputs: Inputs, _tell: Tell) -> Report:
    """The first frame as a JPEG."""
    media = request.media
    to_picture = ToPicture(orientation_of(media), fitted(media.width, media.height, POSTER_PIXELS))
    with opened(inputs.video, inputs.index) as decoded:
        for _, _, frame in numbered_frames(decoded, inputs.index):
            picture = Image.fromarray(to_picture.rgb(frame))
            picture.save(target.sink, "JPEG", quality=_JPEG_QUALITY, optimize=True)
            return Report(1, 1, content_type="image/jpeg")
    raise VideoRefused("no frame of the video can be decoded")


def _selected(frames: Iterator[NumberedFrame], numbers: Sequence[int]) -> Iterator[NumberedFrame]:
    """The frames with these numbers (ascending); ends after the last of them."""
    for frame in frames:
        position = bisect_left(numbers, frame[0])
        if position == len(numbers):
            return
        if numbers[position] == frame[0]:
            yield frame
