"""What the child process makes renditions of, and with what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from contracts.wire.messages import Media, PacketIndex
from processor.renditions.encoder import Target
from processor.renditions.protocol import Report, Request

Tell = Callable[[Report], None]


@dataclass(frozen=True, slots=True)
class ReelInput:
    """A video of a reel, and its packet index as it is stored."""

    media: Media
    video: BinaryIO
    index: BinaryIO


@dataclass(frozen=True, slots=True)
class Inputs:
    """Open files. results, tracks: of the job, where the work needs them. videos: of a reel, by their ids."""

    video: BinaryIO
    index: PacketIndex
    results: BinaryIO | None = None
    tracks: BinaryIO | None = None
    videos: Mapping[str, ReelInput] = field(default_factory=dict)


# Makes what is requested, and tells how far it is. Raises VideoRefused, CorruptData, DecodeFailed.
Maker = Callable[[Request, Target, Inputs, Tell], Report]
