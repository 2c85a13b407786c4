"""Small pictures of a video's frames: of the tracks of a job, and of single frames. Runs in the sandbox."""

import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

import numpy as np
from av.video.frame import VideoFrame

from contracts.errors import VideoRefused
from contracts.results.codec import BOX_SCALE, time_ms
from contracts.results.pictures_file import PicturesHeader, PicturesWriter
from contracts.results.tracks import Integers, Tracks
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import SCHEMA, Media, PacketIndex
from contracts.wire.pictures import FramePicture
from media.orientation import orientation_of
from processor.core.frame_order import frame_order, keyframe_ranks
from processor.renditions.contact_sheets import sheet_of
from processor.renditions.crops import Box, Crops, around, fitted_in, jpeg
from processor.renditions.encoder import Target
from processor.renditions.frames import chosen_frames, opened
from processor.renditions.inputs import Inputs, Tell
from processor.renditions.protocol import Report, Request

MOST_TRACKS = 2000
SIDE = 256  # pixels, the longest of a track's picture
_MARGIN = 0.1


def make(request: Request, target: Target, inputs: Inputs, tell: Tell) -> Report:
    """The pictures of a job's tracks, or of single frames, as a file of pictures."""
    sink = io.BufferedWriter(cast(io.RawIOBase, target.sink))
    if inputs.tracks is not None:
        file = TracksFile(inputs.tracks)
        report = track_pictures(sink, inputs.video, inputs.index, request.media, file, tell)
    else:
        report = frame_pictures(sink, inputs.video, inputs.index, request.media, request.frames)
    sink.flush()
    return report


def track_pictures(
    sink: BinaryIO, video: BinaryIO, index: PacketIndex, media: Media, tracks: TracksFile, tell: Tell
) -> Report:
    """Write the pictures of the tracks in a file: of each, its best box with a margin. Reads and decodes only what
    they need. Raises VideoRefused, CorruptData, DecodeFailed."""
    every = tracks.tracks()
    boxes: dict[int, list[tuple[str, Box]]] = defaultdict(list)
    for place in worth_showing(every, MOST_TRACKS).tolist():
        x1, y1, x2, y2 = (every.best_box[place] / BOX_SCALE).tolist()
        boxes[int(every.best_frame[place])].append((str(every.id[place]), (x1, y1, x2, y2)))
    writer = PicturesWriter(sink, PicturesHeader(SCHEMA, tracks.header.digest()))
    done = 0
    crops = _crops(media)
    for number, frame in _frames(video, index, sorted(boxes)):
        for name, corners in boxes[number]:
            part = around(corners, (media.width, media.height), _MARGIN)
            writer.add(name, jpeg(crops(frame, part, fitted_in(part, SIDE, SIDE))))
        done += 1
        tell(Report(done, len(boxes)))
    if boxes and not done:
        raise VideoRefused("no frame of the video can be decoded")
    writer.end()
    return Report(done, len(boxes), content_type="application/octet-stream")


def worth_showing(tracks: Tracks, most: int) -> Integers:
    """The places of at most so many tracks, rising: of those that are seen for long with a good score."""
    worth = (tracks.last_time - tracks.first_time + 1) * tracks.best_score
    return np.sort(np.argsort(-worth, kind="stable")[:most])


def frame_pictures(
    sink: BinaryIO, video: BinaryIO, index: PacketIndex, media: Media, wanted: Sequence[FramePicture]
) -> Report:
    """Write pictures of single frames and contact sheets, an empty one where no frame can be decoded. Raises
    VideoRefused, DecodeFailed."""
    asked: dict[int, list[FramePicture]] = defaultdict(list)
    order = frame_order(index)
    times, size = order.times, (media.width, media.height)
    keys = [rank for rank, _ in keyframe_ranks(index, order)]
    sheets = {
        item: sheet_of(item, item.sheet, times, index.time_base, keys, size)
        for item in wanted
        if item.sheet is not None
    }
    for item in wanted:
        for number in sheets[item].numbers if item in sheets else (number_of(item, times, index.time_base),):
            asked[number].append(item)
    writer, crops = PicturesWriter(sink, PicturesHeader(SCHEMA, "")), _crops(media)
    for number, frame in _frames(video, index, sorted(number for number in asked if number < len(times))):
        for item in asked.pop(number):
            if sheet := sheets.get(item):
                cell = crops(frame, crops.whole, sheet.cell)
                sheet.add(number, cell, time_ms(times[number], index.time_base))
                continue
            part = crops.whole if item.box is None else around(item.box, size)
            writer.add(item.name(), jpeg(crops(frame, part, fitted_in(part, item.width, part.height))))
    for items in asked.values():
        for item in items:
            if item not in sheets:
                writer.add(item.name(), b"")
    for item, sheet in sheets.items():
        writer.add(item.name(), sheet.jpeg())
    writer.end()
    return Report(1, 1, content_type="application/octet-stream")


def number_of(wanted: FramePicture, times: Sequence[int], time_base: tuple[int, int]) -> int:
    """The number of the frame that is wanted, of frames with these times: at a time the one that a player shows, the
    first one before it, the last one after it."""
    if wanted.at_ms is None:
        return wanted.frame or 0
    return max(bisect_right(times, wanted.at_ms, key=lambda time: time_ms(time, time_base)) - 1, 0)


def _crops(media: Media) -> Crops:
    return Crops(orientation_of(media), (media.width, media.height))


def _frames(video: BinaryIO, index: PacketIndex, numbers: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Frames of these numbers (rising) that can be decoded."""
    if not numbers:
        return
    with opened(video, index) as decoded:
        for number, _, frame in chosen_frames(decoded, index, numbers):
            yield number, frame
