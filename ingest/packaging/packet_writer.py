"""Writes the packets of a stream to Redis, where detectors and viewers read them."""

from collections import deque
from typing import Any

from redis import asyncio as aioredis

from contracts.live import keys
from contracts.live.packets import FIELD, CodecConfig, Packet, decode_packet, encode
from ingest.packaging.packager import Position

# Everything of a stream without packets for so long is removed.
_TTL_SECONDS = 3600
_KEPT_CONFIGS = 4


class PacketWriter:
    """Of one stream. Each method raises RedisError when Redis does not answer.

    buffer_bytes: most bytes of packets that stay readable; older ones are trimmed.
    """

    def __init__(self, client: "aioredis.Redis", stream_id: str, buffer_bytes: int) -> None:
        self._redis = client
        self._id = stream_id
        self._buffer_bytes = buffer_bytes
        self._entries: deque[tuple[bytes, int]] = deque()  # (id, bytes) of what is readable
        self._bytes = 0

    async def position(self) -> Position:
        """Where the packets that are there end, for an ingest that takes the stream over."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.xrevrange(keys.packets(self._id), count=1)
        pipe.hkeys(keys.configs(self._id))
        entries, numbers = await pipe.execute()
        config = max((int(number) for number in numbers), default=0)
        if not entries:
            return Position(config=config)
        last = decode_packet(entries[0][1][FIELD])
        return Position(last.number + 1, config, max(last.pts, last.dts) + last.duration, last.arrival)

    async def clear(self) -> None:
        """Remove what an earlier run of the stream left: its clock began elsewhere."""
        await self._redis.delete(keys.packets(self._id), keys.configs(self._id), keys.keyframe(self._id))
        self._entries.clear()
        self._bytes = 0

    async def write(self, items: list[CodecConfig | Packet]) -> None:
        """Write configurations and packets in their order, and trim, in one round trip; two with a keyframe."""
        pipe = self._redis.pipeline(transaction=False)
        packets = [item for item in items if isinstance(item, Packet)]
        for item in items:
            if isinstance(item, CodecConfig):
                self._add_config(pipe, item)
            else:
                pipe.xadd(keys.packets(self._id), {FIELD: encode(item)})
        self._trim(pipe, sum(map(_size, packets)))
        answers = [answer for answer in await pipe.execute() if isinstance(answer, bytes)]
        for entry, packet in zip(answers, packets, strict=True):
            self._entries.append((entry, _size(packet)))
            self._bytes += _size(packet)
        if keyframes := [entry for entry, packet in zip(answers, packets, strict=True) if packet.key]:
            await self._point_to(keyframes[-1])

    def _trim(self, pipe: Any, coming: int) -> None:
        """Make room for so many bytes."""
        before = len(self._entries)
        while self._bytes + coming > self._buffer_bytes and len(self._entries) > 1:
            self._bytes -= self._entries.popleft()[1]
        if len(self._entries) < before:
            pipe.xtrim(keys.packets(self._id), minid=self._entries[0][0].decode(), approximate=False)

    def _add_config(self, pipe: Any, config: CodecConfig) -> None:
        pipe.hset(keys.configs(self._id), str(config.number), encode(config))
        pipe.hdel(keys.configs(self._id), str(config.number - _KEPT_CONFIGS))
        pipe.expire(keys.configs(self._id), _TTL_SECONDS)

    async def _point_to(self, keyframe: bytes) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(keys.keyframe(self._id), keyframe, ex=_TTL_SECONDS)
        pipe.expire(keys.packets(self._id), _TTL_SECONDS)
        pipe.expire(keys.configs(self._id), _TTL_SECONDS)
        await pipe.execute()


def _size(packet: Packet) -> int:
    return len(packet.data) + len(packet.head)
