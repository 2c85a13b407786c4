"""The packets of a stream in a real Valkey: bounded, with the newest keyframe, continued by another ingest."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import redis

from contracts.live import keys
from contracts.live.packets import FIELD, CodecConfig, Packet, decode_config, decode_packet
from contracts.live.redis_line import RedisLine
from ingest.packaging.packager import Position
from ingest.packaging.packet_writer import PacketWriter
from tests.support.servers.valkey import Valkey

STREAM = "packet-writer"
CONFIG = CodecConfig(1, "h264", b"avcC", 64, 48, 0, "video/mp4", b"init")


def packet(number: int, *, key: bool = False, size: int = 100) -> Packet:
    return Packet(1, number, 3000 * number, 3000 * number, 3000, key, 1.0, bytes(size), b"")


@pytest.fixture
def client(valkey: Valkey) -> redis.Redis:
    made = redis.Redis.from_url(valkey.url)
    made.delete(*keys.all_of(STREAM))
    return made


def with_writer(valkey: Valkey, buffer_bytes: int, use: Callable[[PacketWriter], Awaitable[object]]) -> object:
    async def run() -> object:
        line = RedisLine(valkey.url, 20)
        try:
            return await use(PacketWriter(line, STREAM, buffer_bytes))
        finally:
            await line.close()

    return asyncio.run(run())


def test_packets_stay_readable_up_to_a_number_of_bytes(valkey: Valkey, client: redis.Redis) -> None:
    async def write(writer: PacketWriter) -> None:
        await writer.write([CONFIG, packet(0, key=True)])
        for number in range(1, 40):
            await writer.write([packet(number, key=number % 10 == 0)])

    with_writer(valkey, 1500, write)
    entries: list[tuple[bytes, dict[bytes, bytes]]] = client.xrange(keys.packets(STREAM))  # type: ignore[assignment]
    assert [decode_packet(fields[FIELD]).number for _, fields in entries] == list(range(25, 40))
    newest = client.get(keys.keyframe(STREAM))
    assert [entry for entry, fields in entries if decode_packet(fields[FIELD]).key] == [newest]
    assert decode_config(client.hget(keys.configs(STREAM), "1")) == CONFIG  # type: ignore[arg-type]
    assert 0 < client.ttl(keys.packets(STREAM)) <= 3600  # type: ignore[operator]


def test_another_ingest_finds_where_the_packets_end(valkey: Valkey, client: redis.Redis) -> None:
    async def write(writer: PacketWriter) -> Position:
        assert await writer.position() == Position()
        await writer.write([CONFIG, packet(0, key=True), packet(1)])
        return await writer.position()

    assert with_writer(valkey, 10_000, write) == Position(2, 1, 6000, 1.0)

    async def clear(writer: PacketWriter) -> Position:
        await writer.clear()
        return await writer.position()

    assert with_writer(valkey, 10_000, clear) == Position()
