"""The frames of a stream since its last keyframe: what a new viewer begins with."""

from collections.abc import Iterable

from api.live.messages import Media, config_messages, media
from api.live.outbox import Outbox
from contracts.live.packets import CodecConfig, Packet, is_shown

_MOST_BYTES = 8 * 1024 * 1024


class FrameGroup:
    """Passes packets on to viewers, and keeps those since the last keyframe. No IO."""

    def __init__(self) -> None:
        self._config: CodecConfig | None = None
        self._last: Packet | None = None
        self._frames: list[Media] = []
        self._bytes = 0

    def needs_config(self, packet: Packet) -> bool:
        """Whether `begin` comes before this packet: the codec changes, or the stream began anew."""
        last, config = self._last, self._config
        if last is None or config is None or config.number != packet.config:
            return True
        return packet.number <= last.number or packet.dts < last.dts

    def begin(self, config: CodecConfig | None, viewers: Iterable[Outbox]) -> None:
        """Begin with a configuration. None: it is not known, and nothing is shown."""
        self._config, self._last = config, None
        self._clear()
        if config is not None:
            said = config_messages(config)
            for viewer in viewers:
                viewer.offer_config(said)

    def add(self, packet: Packet, viewers: Iterable[Outbox]) -> None:
        """Offer a packet."""
        last, self._last = self._last, packet
        if self._config is None or not is_shown(self._config):
            return
        one = media(packet, self._config)
        lost = packet.restart or (last is not None and packet.number != last.number + 1)
        if packet.key or lost:
            self._clear()
        for viewer in viewers:
            if lost and not packet.key:
                viewer.wait_for_keyframe()
            viewer.offer_media(one)
        if packet.key or self._frames:
            self._frames.append(one)
            self._bytes += len(one.message)
        if self._bytes > _MOST_BYTES:
            self._clear()

    def show(self, viewer: Outbox) -> None:
        """Offer all of it."""
        if self._config is not None:
            viewer.offer_config(config_messages(self._config))
            for one in self._frames:
                viewer.offer_media(one)

    def _clear(self) -> None:
        self._frames, self._bytes = [], 0
