"""CVAT for video 1.1: a track per object. Pure except for reading segments."""

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from api.results.exports.by_track import Objects, tracked, untracked
from api.results.exports.export import Export, tracks_of
from contracts.results.codec import BOX_SCALE

# No XML document may contain these, however they are escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
Box = tuple[int, list[int]]


def as_cvat(export: Export) -> Iterator[bytes]:
    """A track per object, each of its boxes a keyframe. A box that is `outside` follows where the next frame has none,
    so that CVAT draws nothing where nothing was found. An object without a track becomes one of its own."""
    tracks, labels = tracks_of(export), [_clean(label) for label in export.frames.header.labels]
    frames = export.frames.header.media.frames
    yield _head(export, labels)
    for track, parts in tracked(export, tracks):
        yield _open(track.id, labels[track.class_id])
        yield from _boxes(_frames(parts), frames)
        yield b"  </track>\n"
    number = tracks.highest + 1
    for objects in untracked(export):
        pieces = []
        for box, class_id in zip(_frames([objects]), objects.class_id.tolist(), strict=True):
            pieces += [_open(number, labels[class_id]), *_boxes([box], frames), b"  </track>\n"]
            number += 1
        yield b"".join(pieces)
    yield b"</annotations>\n"


def _head(export: Export, labels: list[str]) -> bytes:
    media = export.frames.header.media
    names = "".join(f"<label><name>{escape(label)}</name><attributes/></label>" for label in labels if label)
    name = escape(_clean(export.video.name or ""))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><task>'
        f"<name>{name}</name><size>{media.frames}</size><mode>interpolation</mode><overlap>0</overlap>"
        f"<start_frame>0</start_frame><stop_frame>{max(media.frames - 1, 0)}</stop_frame><frame_filter/>"
        f"<labels>{names}</labels>"
        f"<original_size><width>{media.width}</width><height>{media.height}</height></original_size>"
        f"<source>{name}</source></task></meta>\n"
    ).encode()


def _open(number: int, label: str) -> bytes:
    return f'  <track id="{number}" label={quoteattr(label)} source="auto">\n'.encode()


def _frames(parts: Iterable[Objects]) -> Iterator[Box]:
    for part in parts:
        yield from zip(part.frame.tolist(), part.box.tolist(), strict=True)


def _boxes(boxes: Iterable[Box], frames: int) -> Iterator[bytes]:
    """The boxes of a track, and where it leaves. frames: of the video."""
    last: Box | None = None
    for frame, box in boxes:
        if last is not None and frame > last[0] + 1:
            yield _box(last[0] + 1, last[1], outside=1)
        yield _box(frame, box, outside=0)
        last = frame, box
    if last is not None and last[0] + 1 < frames:
        yield _box(last[0] + 1, last[1], outside=1)


def _box(frame: int, box: list[int], *, outside: int) -> bytes:
    x1, y1, x2, y2 = (edge / BOX_SCALE for edge in box)
    return (
        f'    <box frame="{frame}" keyframe="1" outside="{outside}" occluded="0" '
        f'xtl="{x1:.2f}" ytl="{y1:.2f}" xbr="{x2:.2f}" ybr="{y2:.2f}" z_order="0"/>\n'
    ).encode()


def _clean(text: str) -> str:
    """A text that can be in an XML document."""
    return _NOT_XML.sub("\ufffd", text)
