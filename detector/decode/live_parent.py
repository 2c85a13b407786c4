"""Decodes a stream in a process of its own, which is asked packet by packet."""

import os
import signal
import socket
from typing import TypeVar, cast

import msgspec

from contracts.errors import DecodeFailed
from detector.decode.live_protocol import LIVE_SLOTS, Answer, Decoded, Feed, Look, Ready, send_message
from detector.decode.processes import ForkServer, Once, shared_memory
from detector.decode.protocol import BROKE, HUNG, MESSAGE_BYTES, DecoderLost, Descriptors, Ended, LiveRequest
from detector.tensors import Image

# An answer takes milliseconds. The first one waits for the fork server to start.
ANSWER_SECONDS = 5.0
START_SECONDS = 60.0
# Of one image: a model with a larger input has slots of its size.
LEAST_SLOT_BYTES = 1024 * 1024 * 3
MEMORY_BYTES = 2 * 1024**3
# A decoder is replaced at a keyframe after an hour, so that neither leaks nor its CPU time add up; one that computes
# all the time is ended by the limit.
REPLACED_SECONDS = 3600.0
CPU_SECONDS = 2 * int(REPLACED_SECONDS)

T = TypeVar("T", Ready, Decoded)


class LiveDecoder:
    """The decoder of one codec configuration of a stream. Not for several threads, but for image()."""

    def __init__(
        self, fork_server: ForkServer, codec: str, extradata: bytes, frame_pixels: int, image_bytes: int
    ) -> None:
        """image_bytes: of the largest image that will be asked for. Raises DecodeFailed, DecoderLost."""
        self.slot_bytes = max(image_bytes, LEAST_SLOT_BYTES)
        self._frame_pixels = frame_pixels
        request = LiveRequest(codec, extradata, self.slot_bytes, frame_pixels, MEMORY_BYTES, CPU_SECONDS)
        descriptor, self._memory = shared_memory((LIVE_SLOTS, self.slot_bytes))
        self._channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._packets, packets = socket.socketpair()
        try:
            with channel, packets:
                passed = Descriptors(packets.fileno(), descriptor, channel.fileno())
                number = fork_server.begin(request, passed)
        except BaseException:
            self._close_sockets()
            raise
        finally:
            os.close(descriptor)
        self._ending = Once(lambda: fork_server.end(number))
        try:
            self._channel.settimeout(START_SECONDS)
            self._answer(Ready)
            self._channel.settimeout(ANSWER_SECONDS)
            self._packets.settimeout(ANSWER_SECONDS)
        except BaseException:
            self.close()
            raise

    def look(self, look: Look) -> None:
        """Make images that way from now on. Raises as decode."""
        self._send(look)

    def decode(self, feed: Feed) -> Decoded:
        """What comes out for a packet. Raises DecodeFailed where the stream is the cause, else DecoderLost; the
        decoder can only be closed then."""
        self._send(feed)
        decoded = self._answer(Decoded)
        if decoded.image is not None and decoded.image not in decoded.frames:
            raise DecodeFailed(BROKE)
        if decoded.width * decoded.height > self._frame_pixels:
            raise DecodeFailed(BROKE)
        return decoded

    def image(self, slot: int, shape: tuple[int, int, int]) -> Image:
        """The image in a slot, uint8 (H, W, 3), as long as it is not written again."""
        height, width, depth = shape
        return self._memory[slot, : height * width * depth].reshape(shape)

    def close(self) -> None:
        """End the decoder."""
        self._ending()
        self._close_sockets()

    def _close_sockets(self) -> None:
        self._channel.close()
        self._packets.close()

    def _send(self, message: Look | Feed) -> None:
        try:
            send_message(self._packets, message)
        except TimeoutError as error:
            raise DecodeFailed(HUNG) from error
        except OSError:  # it has ended; its last message says why
            return

    def _answer(self, kind: type[T]) -> T:
        try:
            data = self._channel.recv(MESSAGE_BYTES)
        except TimeoutError as error:
            raise DecodeFailed(HUNG) from error
        except ConnectionResetError:  # it ended before it read all of ours; its messages can still be received
            data = self._channel.recv(MESSAGE_BYTES)
        if not data:
            raise self._lost()
        try:
            message = cast(Answer, msgspec.msgpack.decode(data, type=Answer))
        except msgspec.DecodeError as error:
            raise DecodeFailed(BROKE) from error
        if isinstance(message, Ended):
            raise DecodeFailed(message.detail) if message.code == DecodeFailed.code else DecoderLost(message.detail)
        if not isinstance(message, kind):
            raise DecodeFailed(BROKE)
        return message

    def _lost(self) -> DecodeFailed | DecoderLost:
        status = self._ending().status
        if status >= 0 or status == -signal.SIGKILL:  # such as by the kernel's OOM killer
            return DecoderLost(f"the decoder was killed from outside (status {status})")
        return DecodeFailed(BROKE)
