"""Photographs in tiles as videos of one frame, so that all that follows knows whole frames only."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from contracts.errors import VideoRefused
from media.demuxers import OPEN_OPTIONS
from media.heif import Tiling

MAX_TILES = 400
_CONTAINER = "matroska"  # keeps colours and display matrix
# Pixel formats that the container takes as they are; others are compressed without loss, in more time and memory.
_RAW = ("yuv420p", "yuv422p", "gray")
_SIDE = 1024  # of any picture, to see how many pixels share their colour
_FULL_RANGE = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}


def put_together(source: BinaryIO, tiling: Tiling) -> BinaryIO:
    """The photograph in a file as a video of one frame, which is stored without loss and turned by its display matrix.

    Raises VideoRefused: a tile cannot be decoded, or the tiles do not fit each other; av.error.FFmpegError.
    """
    if len(tiling.tiles) > MAX_TILES:
        raise VideoRefused(f"it has {len(tiling.tiles)} tiles; at most {MAX_TILES} are accepted")
    canvas: _Canvas | None = None
    places = {item: place for place, item in enumerate(tiling.tiles)}
    for item, frame in _decoded(source, frozenset(places)):
        canvas = canvas or _Canvas(tiling, frame)
        canvas.put(places.pop(item), frame)
    if canvas is None or places:
        raise VideoRefused(
            f"{len(places)} of its {len(tiling.tiles)} tiles cannot be decoded: it is damaged or cut short"
        )
    return _stored(canvas.frame(), tiling)


def _decoded(source: BinaryIO, items: frozenset[int]) -> Iterator[tuple[int, VideoFrame]]:
    """The tiles that can be decoded, each once, with the numbers of their items."""
    source.seek(0)
    left = set(items)
    decoders: dict[tuple[str, bytes | None], VideoCodecContext] = {}
    with av.open(source, mode="r", format="mov", options=OPEN_OPTIONS) as container:
        streams = [item for item in container.streams.video if item.id in items and item.codec_context is not None]
        for packet in container.demux(streams) if streams else ():
            item, own = packet.stream.id, cast(VideoCodecContext, packet.stream.codec_context)
            if not packet.size or item not in left:
                continue
            own.thread_type, own.thread_count = "NONE", 1
            # Tiles are set up alike: one decoder for all of them takes the memory of one.
            decoder = decoders.setdefault((own.name, own.extradata), own)
            try:
                frames = [*decoder.decode(packet), *decoder.decode(None)]
            except av.error.MemoryError:
                raise  # not the fault of the file
            except av.error.FFmpegError:
                frames = []
            decoder.flush_buffers()
            if frames:
                left.remove(item)
                yield item, frames[0]


class _Canvas:
    """The planes of the whole picture, into which tiles are put."""

    def __init__(self, tiling: Tiling, first: VideoFrame) -> None:
        if first.width * tiling.columns < tiling.width or first.height * tiling.rows < tiling.height:
            raise VideoRefused("its tiles do not cover its picture: it is damaged")
        self._tiling, self._first = tiling, first
        self._sample_bytes = (first.format.components[0].bits + 7) // 8
        self._planes = [
            np.zeros((height, width * self._sample_bytes), np.uint8)
            for width, height in self._plane_sizes(tiling.width, tiling.height)
        ]

    def put(self, place: int, tile: VideoFrame) -> None:
        """Put a tile where it belongs; what lies outside of the picture is left out."""
        first = self._first
        if (tile.width, tile.height, tile.format.name) != (first.width, first.height, first.format.name):
            raise VideoRefused("its tiles differ in size or in colour format: it is damaged")
        row, column = divmod(place, self._tiling.columns)
        for whole, plane in zip(self._planes, tile.planes, strict=True):
            left, width = column * plane.width * self._sample_bytes, plane.width * self._sample_bytes
            part = whole[row * plane.height :][: plane.height, left : left + width]
            part[:] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
                : part.shape[0], : part.shape[1]
            ]

    def frame(self) -> VideoFrame:
        """The part of the picture that is shown."""
        first, (left, top, width, height) = self._first, self._tiling.shown
        name = first.format.name
        made = VideoFrame(width, height, _FULL_RANGE.get(name, name))
        edges = zip(self._plane_sizes(left, top), self._planes, made.planes, strict=True)
        for (plane_left, plane_top), whole, plane in edges:
            part = whole[plane_top:][: plane.height, plane_left * self._sample_bytes :]
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, : plane.width * self._sample_bytes] = part[:, : plane.width * self._sample_bytes]
            plane.update(rows.tobytes())
        made.color_range = 2 if name in _FULL_RANGE else first.color_range
        made.colorspace = first.colorspace
        made.color_primaries, made.color_trc = first.color_primaries, first.color_trc
        made.pts = 0
        return made

    def _plane_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Width and height in each plane: colour may be halved, and is rounded up."""
        form = self._first.format
        across, down = (_SIDE // length for length in (form.chroma_width(_SIDE), form.chroma_height(_SIDE)))
        colour = (-(-width // across), -(-height // down))
        return [colour if number in (1, 2) else (width, height) for number in range(len(self._first.planes))]


def _stored(frame: VideoFrame, tiling: Tiling) -> BinaryIO:
    """A frame as a video, which says how it is turned."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=_CONTAINER) as writer:
        stream = writer.add_stream("rawvideo" if frame.format.name in _RAW else "ffv1", rate=1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        context = stream.codec_context
        context.thread_count = 1
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        a, b, c, d = (65536 * value for value in tiling.orientation.matrix)
        stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return sink
