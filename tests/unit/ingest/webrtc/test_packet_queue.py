"""The queue of a session stays bounded whatever its reader does, and counts what it drops."""

import asyncio
from contextlib import suppress

import pytest

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.webrtc.packet_queue import MOST_BYTES, MOST_PACKETS, PacketQueue

CONFIG = SourceConfig("h264", b"", 640, 480)


def packet(number: int, key: bool = False, data: bytes = b"", lost: int = 0) -> SourcePacket:
    return SourcePacket(number, number, key, 0.0, data, None, lost)


async def drained(queue: PacketQueue) -> list[SourceConfig | SourcePacket]:
    queue.end(SourceFailed(Reason.LOST, "end"))
    items = []
    with suppress(SourceFailed):
        while True:
            items.append(await queue.get())
    return items


def test_a_configuration_comes_once_before_its_packets() -> None:
    async def scenario() -> list[SourceConfig | SourcePacket]:
        queue, other = PacketQueue(), SourceConfig("h264", b"", 320, 240)
        queue.put(CONFIG, packet(0, key=True))
        queue.put(CONFIG, packet(1))
        queue.put(other, packet(2, key=True))
        return await drained(queue)

    items = asyncio.run(scenario())
    assert [item.width if isinstance(item, SourceConfig) else item.pts for item in items] == [640, 0, 1, 320, 2]


def test_a_full_queue_drops_up_to_the_next_keyframe_and_counts() -> None:
    async def scenario() -> list[SourceConfig | SourcePacket]:
        queue = PacketQueue()
        for number in range(MOST_PACKETS + 5):
            queue.put(CONFIG, packet(number, key=number == 0, lost=int(number == 3)))
        assert queue.wants_keyframe
        queue.put(CONFIG, packet(900, key=True, lost=2))
        queue.put(CONFIG, packet(901))
        assert not queue.wants_keyframe
        return await drained(queue)

    items = asyncio.run(scenario())
    packets = [item for item in items if isinstance(item, SourcePacket)]
    assert [(item.pts, item.lost) for item in packets] == [(900, MOST_PACKETS + 5 + 1 + 2), (901, 0)]


def test_few_large_packets_fill_it_too() -> None:
    async def scenario() -> list[SourceConfig | SourcePacket]:
        queue = PacketQueue()
        for number in range(3):
            queue.put(CONFIG, packet(number, key=True, data=bytes(MOST_BYTES // 2)))
        return await drained(queue)

    items = asyncio.run(scenario())
    assert [(item.pts, item.lost) for item in items if isinstance(item, SourcePacket)] == [(2, 2)]


def test_a_waiting_reader_gets_the_first_end() -> None:
    async def scenario() -> str:
        queue = PacketQueue()
        reader = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.end(SourceFailed(Reason.LOST, "first"))
        queue.end(SourceFailed(Reason.LOST, "second"))
        with pytest.raises(SourceFailed) as caught:
            await reader
        return str(caught.value)

    assert asyncio.run(scenario()) == "first"
