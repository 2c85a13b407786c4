"""The decoder of a stream, replaced whenever it has to be: after a crash, for another codec or size, and each hour."""

import logging
import time
from collections.abc import Callable

from contracts.errors import DecodeFailed
from contracts.live.packets import CodecConfig, Packet
from contracts.live.streams import DropReason, StreamSpec
from contracts.models.catalogue import Model
from detector.decode.live_parent import REPLACED_SECONDS, LiveDecoder
from detector.decode.live_protocol import Decoded, Feed
from detector.decode.processes import ForkServer
from detector.decode.protocol import DecoderLost
from detector.live.frames import Owner, Ready, Shown, shown_as

log = logging.getLogger(__name__)

# After a decoder that failed, the next one is started later and later, so that a hostile stream costs little.
LEAST_WAIT_SECONDS, MOST_WAIT_SECONDS = 0.5, 30.0


class Pictures:
    """Of one stream; for one thread. error, detail: why nothing comes out now."""

    def __init__(self, owner: Owner, fork_server: ForkServer, frame_pixels: int) -> None:
        self._owner, self._fork_server, self._frame_pixels = owner, fork_server, frame_pixels
        self._accounts = owner.accounts
        self._wanted: tuple[StreamSpec, Model, int] | None = None
        self._shown: Shown | None = None
        self._decoder: LiveDecoder | None = None
        self._config: CodecConfig | None = None  # of the decoder
        self._replaced_at = 0.0  # when it is due
        self._waits = True  # for a keyframe
        self._failures, self._retry_at = 0, 0.0
        self.error = self.detail = ""

    def follow(self, spec: StreamSpec, model: Model, plan: int) -> None:
        """Analyse as in that revision from the next packet on. plan: see Shown."""
        self._wanted, self._shown = (spec, model, plan), None

    def decoded(
        self,
        packet: Packet,
        config: CodecConfig,
        *,
        broken: bool,
        counted: bool,
        free_slot: Callable[[object], int],
    ) -> Ready | None:
        """The newest frame that comes out for a packet; what becomes of all others is counted.

        config: of the packet. broken: packets before it are missing. counted: False where its frame gets no
        result, and only later ones need it. free_slot: a slot of a memory that may be written.
        """
        self._waits |= broken
        if time.monotonic() < self._retry_at or not self._is_decodable(packet, config):
            self._accounts.drop(DropReason.NETWORK, int(counted))
            return None
        try:
            if packet.key and self._is_due(config):
                self._replace(config, free_slot)
            if counted:
                self._accounts.feed(packet)
            return self._fed(packet, config, counted, free_slot)
        except (DecodeFailed, DecoderLost) as error:
            self._fail(error)
            return None

    def close(self) -> None:
        """End the decoder; what it still had does not come."""
        decoder, self._decoder = self._decoder, None
        self._waits = True
        if decoder is not None:
            decoder.close()
        self._accounts.forget_fed()

    def _is_decodable(self, packet: Packet, config: CodecConfig) -> bool:
        if self._config is not None and self._config != config:
            self._waits = True
        shown = self._shown or self._shown_in(config)
        if self._decoder is not None and shown.image_bytes > self._decoder.slot_bytes:
            self._waits = True
        return packet.key or not self._waits

    def _fed(
        self, packet: Packet, config: CodecConfig, wanted: bool, free_slot: Callable[[object], int]
    ) -> Ready | None:
        decoder = self._decoder
        if decoder is None or self._wanted is None:
            raise DecodeFailed("it has no decoder")
        if self._shown is None:
            self._shown = self._shown_in(config)
            decoder.look(self._shown.look)
        slot = free_slot(decoder)
        decoded = decoder.decode(Feed(packet.pts, slot, self._waits, packet.data, wanted))
        self._waits = False
        return self._picture(decoded, decoder, slot)

    def _shown_in(self, config: CodecConfig) -> Shown:
        assert self._wanted is not None  # noqa: S101  (follow comes first)
        return shown_as(*self._wanted, config.width, config.height, config.rotation)

    def _is_due(self, config: CodecConfig) -> bool:
        """Whether another decoder is needed, or the present one is old."""
        if self._decoder is None or self._config != config:
            return True
        shown = self._shown or self._shown_in(config)
        return shown.image_bytes > self._decoder.slot_bytes or time.monotonic() >= self._replaced_at

    def _replace(self, config: CodecConfig, free_slot: Callable[[object], int]) -> None:
        old = self._decoder
        if old is not None and self._picture(old.decode(Feed(0, free_slot(old), True, b"")), old, 0) is not None:
            self._accounts.drop(DropReason.BEHIND)  # what it still held: the packet in hand is newer
        self.close()
        self._config, self._shown = config, self._shown_in(config)
        self._decoder = LiveDecoder(
            self._fork_server, config.codec, config.extradata, self._frame_pixels, self._shown.image_bytes
        )
        self._replaced_at = time.monotonic() + REPLACED_SECONDS
        self._decoder.look(self._shown.look)

    def _picture(self, decoded: Decoded, decoder: LiveDecoder, slot: int) -> Ready | None:
        origins = self._accounts.come(decoded.frames)
        skipped = origins.keys() & set(decoded.skipped) - {decoded.image}
        self._accounts.skip(len(skipped))
        newest = None if decoded.image is None else origins.get(decoded.image)
        self._accounts.drop(DropReason.BEHIND, len(origins) - len(skipped) - (newest is not None))
        if newest is None or self._shown is None:
            return None
        self._failures, self.error, self.detail = 0, "", ""
        image = decoder.image(slot, self._shown.image_shape)
        return Ready(self._owner, self._shown, newest, image, decoder, slot, decoded.width, decoded.height)

    def _fail(self, error: DecodeFailed | DecoderLost) -> None:
        log.warning("the decoder of stream %s failed: %s", self._owner.id, error.detail)
        self.close()
        self.error, self.detail = error.code, f"{error.detail}; it goes on at the next keyframe"
        self._retry_at = time.monotonic() + min(MOST_WAIT_SECONDS, LEAST_WAIT_SECONDS * 2**self._failures)
        self._failures += 1
