"""The first frame of a video, whose size and orientation count for the whole."""

from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contracts.errors import VideoRefused
from media import orientation
from media.orientation import Orientation

_MOST_PACKETS = 600


@dataclass(frozen=True, slots=True)
class First:
    """The first frame that can be decoded, and how players turn it."""

    frame: VideoFrame
    orientation: Orientation


def first_frame(container: InputContainer, stream: VideoStream) -> First:
    """Decode from the start up to the first frame. Raises VideoRefused."""
    try:
        for count, packet in enumerate(container.demux(stream)):
            if count > _MOST_PACKETS:
                break
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            if frames:
                return First(frames[0], orientation.shown(frames[0], bytes(packet)))
    except av.error.EOFError:
        pass
    raise VideoRefused("no frame of the video can be decoded: the file is damaged or cut short")
