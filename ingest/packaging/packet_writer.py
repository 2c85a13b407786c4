"""Writes the packets of a stream to Redis, where detectors and viewers read them."""

from collections import deque

from contracts.live import keys
from contracts.live.packets import FIELD, CodecConfig, Packet, decode_packet, encode
from contracts.live.redis_line import RedisLine
from contracts.live.resp import Command
from ingest.packaging.packager import Position

# Everything of a stream without packets for so long is removed.
_TTL_SECONDS = 3600
_KEPT_CONFIGS = 4


class PacketWriter:
    """Of one stream. Each method raises RedisError when Redis does not answer.

    line: of all streams. buffer_bytes: most bytes of packets that stay readable; older ones are trimmed.
    """

    def __init__(self, line: RedisLine, stream_id: str, buffer_bytes: int) -> None:
        self._line = line
        self._packets, self._configs, self._keyframe = (
            key(stream_id) for key in (keys.packets, keys.configs, keys.keyframe)
        )
        self._buffer_bytes = buffer_bytes
        self._entries: deque[tuple[bytes, int]] = deque()  # (id, bytes) of what is readable
        self._bytes = 0

    async def position(self) -> Position:
        """Where the packets that are there end, for an ingest that takes the stream over."""
        entries, numbers = await self._line.ask(
            ("XREVRANGE", self._packets, "+", "-", "COUNT", 1), ("HKEYS", self._configs)
        )
        config = max((int(number) for number in numbers), default=0)
        if not entries:
            return Position(config=config)
        fields = entries[0][1]
        last = decode_packet(dict(zip(fields[::2], fields[1::2], strict=True))[FIELD])
        return Position(last.number + 1, config, max(last.pts, last.dts) + last.duration, last.arrival)

    async def clear(self) -> None:
        """Remove what an earlier run of the stream left: its clock began elsewhere."""
        await self._line.ask(("DEL", self._packets, self._configs, self._keyframe))
        self._entries.clear()
        self._bytes = 0

    async def write(self, items: list[CodecConfig | Packet]) -> None:
        """Write configurations and packets in their order, and trim, in one round trip; two with a keyframe."""
        packets = [item for item in items if isinstance(item, Packet)]
        trim = self._trim(sum(map(_size, packets)))
        commands: list[Command] = []
        for item in items:
            if isinstance(item, CodecConfig):
                commands += self._config_commands(item)
            else:
                commands.append(("XADD", self._packets, *trim, "*", FIELD, encode(item)))
                trim = ()
        answers = await self._line.ask(*commands)
        entries = [answer for command, answer in zip(commands, answers, strict=True) if command[0] == "XADD"]
        for entry, packet in zip(entries, packets, strict=True):
            self._entries.append((entry, _size(packet)))
            self._bytes += _size(packet)
        if keyframes := [entry for entry, packet in zip(entries, packets, strict=True) if packet.key]:
            await self._point_to(keyframes[-1])

    def _trim(self, coming: int) -> Command:
        """What makes room for so many bytes, as arguments of XADD."""
        before = len(self._entries)
        while self._bytes + coming > self._buffer_bytes and len(self._entries) > 1:
            self._bytes -= self._entries.popleft()[1]
        return ("MINID", "=", self._entries[0][0]) if len(self._entries) < before else ()

    def _config_commands(self, config: CodecConfig) -> list[Command]:
        return [
            ("HSET", self._configs, config.number, encode(config)),
            ("HDEL", self._configs, config.number - _KEPT_CONFIGS),
            ("EXPIRE", self._configs, _TTL_SECONDS),
        ]

    async def _point_to(self, keyframe: bytes) -> None:
        await self._line.ask(
            ("SET", self._keyframe, keyframe, "EX", _TTL_SECONDS),
            ("EXPIRE", self._packets, _TTL_SECONDS),
            ("EXPIRE", self._configs, _TTL_SECONDS),
        )


def _size(packet: Packet) -> int:
    return len(packet.data) + len(packet.head)
