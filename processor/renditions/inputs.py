"""What the child process makes renditions of, and with what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from contracts.wire.messages import PacketIndex
from processor.renditions.encoder import Target
from processor.renditions.protocol import Report, Request

Tell = Callable[[Report], None]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Open files. results, tracks: of the job, where the work needs them."""

    video: BinaryIO
    index: PacketIndex
    results: BinaryIO | None = None
    tracks: BinaryIO | None = None


# Makes what is requested, and tells how far it is. Raises VideoRefused, CorruptData, DecodeFailed.
Maker = Callable[[Request, Target, Inputs, Tell], Report]
