"""Between the network, which cannot wait, and the reader of a session: bounded."""

import asyncio
from collections import deque

import msgspec

from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket

MOST_BYTES = 8 * 1024 * 1024
MOST_PACKETS = 256


class PacketQueue:
    """For one event loop. A reader that is too slow loses all packets up to the next keyframe, which are counted as
    lost: neither memory nor delay grows."""

    def __init__(self) -> None:
        self._items: deque[tuple[SourceConfig, SourcePacket]] = deque()
        self._bytes = 0
        self._lost = 0
        self._skipping = False
        self._told: SourceConfig | None = None
        self._end: SourceFailed | None = None
        self._changed = asyncio.Event()

    @property
    def wants_keyframe(self) -> bool:
        """Whether packets are dropped up to the next keyframe."""
        return self._skipping

    def put(self, config: SourceConfig, packet: SourcePacket) -> None:
        """Add a packet. config: the object that it belongs to."""
        if len(self._items) >= MOST_PACKETS or self._bytes + len(packet.data) > MOST_BYTES:
            self._lost += sum(1 + item.lost for _, item in self._items)
            self._items.clear()
            self._bytes, self._skipping = 0, True
        if self._skipping and not packet.key:
            self._lost += 1 + packet.lost
            return
        self._skipping = False
        if self._lost:
            packet, self._lost = msgspec.structs.replace(packet, lost=packet.lost + self._lost), 0
        self._items.append((config, packet))
        self._bytes += len(packet.data)
        self._changed.set()

    def end(self, error: SourceFailed) -> None:
        """Nothing comes any more: the reader gets this error behind what is left. The first one counts."""
        self._end = self._end or error
        self._changed.set()

    async def get(self) -> SourceConfig | SourcePacket:
        """The next packet, and before it its configuration where that is new. Raises SourceFailed at the end."""
        while not self._items:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        config, packet = self._items[0]
        if config is not self._told:
            self._told = config
            return config
        self._items.popleft()
        self._bytes -= len(packet.data)
        return packet
