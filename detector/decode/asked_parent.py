"""The frames of a chunk as the detector asks for them: see detector.decode.asked_child."""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from contracts.errors import WebDetectorError
from detector.decode import thumbnails
from detector.decode.parent import Images
from detector.decode.protocol import BROKE, Ask, DecodeRequest, Ended, Frame, Refused, Seen
from detector.tensors import Image

# How many frames are decoded at once, or let go of, where those that are held take all of HELD_BYTES.
_AHEAD = 8


class DecoderBroke(WebDetectorError):
    """The video broke the decoder, and frames that were seen cannot be had any more."""

    code = "decoder_broke"


@dataclass(frozen=True, slots=True)
class Given:
    """An image that was ordered, and the place of its frame. It may be overwritten once the next event is asked for."""

    place: int
    image: Image


class AskedImages(Images):
    """A decoder that is asked: `order` says what for, and `event` waits for what comes.

    ended: whether all frames that can be decoded were seen. newest: the highest place of these.
    """

    HELD_BYTES: ClassVar[int | None] = 256 * 1024**2

    def __init__(self, channel: socket.socket, request: DecodeRequest, memory: Image, idle: Callable[[], None]) -> None:
        super().__init__(channel, request, memory, idle)
        self.ended = False
        self.newest = -1
        self._ordered: deque[int] = deque()
        self._asked = Ask((), 0, (), -1, 0)  # what the decoder knows
        self._until = -1

    @property
    def outstanding(self) -> int:
        """How many images were ordered and have not come."""
        return len(self._ordered)

    @property
    def room(self) -> int:
        """How many more images may be ordered."""
        return self._request.slots - len(self._ordered)

    def order(self, wanted: Sequence[int], keep: int, spared: Iterable[int], *, further: bool) -> None:
        """Order images of frames that were seen, by their places, `room` at most.

        keep: of the frames before it, none is wanted any more but spared and ordered ones. further: whether frames are
        to be seen even where those that are held take much memory.
        """
        self._ordered += wanted
        if further:
            self._until = max(self._until, self.newest + _AHEAD)
        ask = Ask(tuple(wanted), keep, tuple(sorted(spared)), self._until, int(self._out))
        self._out = False
        known = self._asked
        if ask.wanted or ask.free or ask.until > known.until or ask.keep >= known.keep + _AHEAD:
            self._asked = ask
            self._send(msgspec.msgpack.encode(ask))

    def event(self) -> Seen | Given | None:
        """What comes next: a frame that was seen, an image, or None where the last frame has been seen.

        Raises DecoderBroke, StorageUnavailable, DecoderLost, and what idle raises; after that it may be called again.
        """
        while True:
            message = self._next()
            if isinstance(message, Seen) and self._is_new(message.place) and thumbnails.is_one(message.thumbnail):
                self._seen[message.place] = 1
                self.newest = max(self.newest, message.place)
                return message
            if isinstance(message, Frame) and self._ordered and self._ordered.popleft() == message.place:
                self.view = self._laid_out(message)
                self._out = True
                self._number += 1
                return Given(message.place, self._memory[(self._number - 1) % self._request.slots])
            if isinstance(message, Ended) and not self.ended:
                self._end(message)
                self.ended = True
                return None
            if message is None or isinstance(message, Seen | Frame | Ended | Refused):
                raise DecoderBroke(message.detail if isinstance(message, Refused) else self.failure or BROKE)
            self._idle()
