"""The reader of a stream's packets on a real Redis."""

import threading
from collections.abc import Iterator

import pytest
import redis

from contracts.live import keys
from contracts.live.packet_reader import MOST_ENTRIES, MOST_LAG_MS, PacketReader
from contracts.live.packets import FIELD, CodecConfig, Packet, encode
from tests.support.servers.valkey import Valkey

ID = "stream"


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=14")) as client:
        client.flushdb()
        yield client


def add(client: "redis.Redis", number: int, moment: int, *, key: bool = False) -> bytes:
    """A packet that comes at that millisecond of Redis' clock."""
    packet = Packet(1, number, number, number, 1, key, 0.0, b"data")
    entry: bytes = client.xadd(keys.packets(ID), {FIELD: encode(packet)}, id=f"{moment}-0")  # type: ignore[assignment]
    if key:
        client.set(keys.keyframe(ID), entry)
    return entry


def numbers(reader: PacketReader) -> list[int]:
    return [packet.number for _, packet in reader.read(1)]


def test_it_begins_at_the_newest_keyframe_and_goes_on(client: "redis.Redis") -> None:
    for number in range(8):
        last = add(client, number, 1000 + number, key=number in (0, 5))
    reader = PacketReader(client, ID)
    assert numbers(reader) == [5, 6, 7]
    assert reader.is_old(b"1006-0")
    assert not reader.is_old(last)
    assert numbers(reader) == []
    add(client, 8, 2000)
    assert numbers(reader) == [8]
    reader.restart()
    assert numbers(reader) == [5, 6, 7, 8]


def test_it_waits_for_a_packet(client: "redis.Redis") -> None:
    later = threading.Timer(0.1, add, (client, 3, 1000), {"key": True})
    later.start()
    assert [packet.number for _, packet in PacketReader(client, ID).read(5000)] == [3]
    later.join()


def test_one_that_is_late_goes_on_at_the_newest_keyframe(client: "redis.Redis") -> None:
    for number in range(3 * MOST_ENTRIES):
        add(client, number, 1000 + 100 * number, key=number == 0)
    reader = PacketReader(client, ID)
    assert numbers(reader) == list(range(MOST_ENTRIES))
    assert not reader.catch_up(), "there is no later one"
    add(client, 100, 1000 + 300 * MOST_ENTRIES + MOST_LAG_MS, key=True)
    assert reader.catch_up()
    assert numbers(reader) == [100]
    assert not reader.catch_up()


def test_it_follows_packets_that_begin_anew_while_the_clock_was_set_back(client: "redis.Redis") -> None:
    add(client, 7, 900_000, key=True)
    reader = PacketReader(client, ID)
    assert numbers(reader) == [7]
    client.delete(keys.packets(ID), keys.keyframe(ID))
    assert numbers(reader) == []
    add(client, 0, 500_000, key=True)
    assert numbers(reader) + numbers(reader) == [0]


def test_a_keyframe_that_was_trimmed_leaves_what_is_there(client: "redis.Redis") -> None:
    add(client, 0, 1000, key=True)
    for number in range(1, 5):
        add(client, number, 1000 + number)
    client.xtrim(keys.packets(ID), minid="1003", approximate=False)
    assert numbers(PacketReader(client, ID)) == [3, 4]


def test_configurations_are_read_by_number(client: "redis.Redis") -> None:
    config = CodecConfig(3, "h264", b"avcC", 640, 480, 90, "video/mp4", b"init")
    client.hset(keys.configs(ID), "3", encode(config))
    client.hset(keys.configs(ID), "4", b"\xc1")
    reader = PacketReader(client, ID)
    assert [reader.config(number) for number in (3, 4, 5)] == [config, None, None]
