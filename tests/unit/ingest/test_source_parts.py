"""Pure parts of the sources: HTTP bodies, multipart, chunks, heads, the pace of a stored video."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.live.streams import Reason
from ingest.sources.demux.messages import HEADER as MESSAGE_HEADER
from ingest.sources.demux.messages import Ended, Looped, decode, encode
from ingest.sources.demux.pace import Haste, Loop
from ingest.sources.http.body import Chunks
from ingest.sources.http.multipart import PART_MAX_BYTES, Parts
from ingest.sources.network.head import BadHead, split_head
from ingest.sources.network.login import Login
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.sources.rtsp.wire import Message, Wire

JPEG = b"\xff\xd8\xff\xe0" + b"\n\n--frame no boundary\r\n" * 3 + b"\xff\xd9"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(CUTS)
def test_chunks_are_joined_however_they_are_cut(cuts: list[int]) -> None:
    data = b"5\r\nhello\r\n1;name=value\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n"
    chunks = Chunks()
    assert b"".join(chunks.feed(piece) for piece in pieces(data, cuts)) == b"hello 0123456789"
    assert chunks.has_ended


@pytest.mark.parametrize("data", [b"x\r\n", b"-5\r\n", b"1" * 2000, b"1" * 16 + b"\r\n", b"\r\n"])
def test_wrong_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(SourceFailed):
        Chunks().feed(data)


@given(CUTS, st.booleans(), st.sampled_from(["\r\n", "\n"]))
def test_parts_are_cut_however_they_come(cuts: list[int], has_length: bool, end: str) -> None:
    picture = JPEG if has_length else JPEG.replace(b"\n", b"")
    length = f"Content-Length: {len(picture)}{end}" if has_length else ""
    head = f"--frame{end}Content-Type: image/jpeg{end}{length}{end}".encode()
    other = f"--frame{end}Content-Type: text/plain{end}{end}no picture".encode()
    data = b"preamble\r\n" + (head + picture + end.encode()) * 3 + other + end.encode() + b"--frame--\r\n"
    parts = Parts('"--frame"')
    assert [part for piece in pieces(data, cuts) for part in parts.feed(piece)] == [picture] * 3


@pytest.mark.parametrize(
    ("told", "sent"), [("x", b"--x"), ("--x", b"--x"), ('"x"', b"--x"), ("x", b"x"), ("", b"--any")]
)
def test_a_boundary_is_known_however_it_is_written(told: str, sent: bytes) -> None:
    data = b"".join(sent + b"\r\n\r\n\xff\xd8\xff%d\r\n" % number for number in range(3))
    assert list(Parts(told).feed(data)) == [b"\xff\xd8\xff0", b"\xff\xd8\xff1"]


def test_a_part_that_tells_its_length_does_not_wait_for_the_next() -> None:
    parts = Parts("x")
    assert list(parts.feed(b"--x\r\nContent-Length: %d\r\n\r\n" % len(JPEG) + JPEG)) == [JPEG]


def test_a_picture_without_end_is_refused() -> None:
    parts = Parts("x")
    with pytest.raises(SourceFailed):
        list(parts.feed(b"--x\r\nContent-Length: 99999999\r\n\r\n"))
    parts = Parts("x")
    with pytest.raises(SourceFailed):
        list(parts.feed(b"--x\r\n\r\n" + b"y" * (PART_MAX_BYTES + 1)))


@given(CUTS)
def test_messages_and_media_are_told_apart_however_they_come(cuts: list[int]) -> None:
    data = b"$\0\0\3abcRTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n$\0\0\1\r\n$\1\0\0OPTIONS * RTSP/1.0\r\n\r\n$\0\0\1z"
    wire = Wire()
    found = [item for piece in pieces(data, cuts) for item in wire.feed(piece)]
    told: list[Any] = [(item.head.start, item.body) if isinstance(item, Message) else item for item in found]
    assert told == [(0, b"abc"), ("RTSP/1.0 200 OK", b"$\0\0\1"), (1, b""), ("OPTIONS * RTSP/1.0", b""), (0, b"z")]


def test_a_head_may_be_cut_and_is_bounded() -> None:
    assert split_head(b"HTTP/1.0 200") is None
    head, size = split_head(b"HTTP/1.0 200 OK\nA: 1\nB:2\na: 3\n\nbody") or pytest.fail("it is complete")
    assert (head.status, head.get("a"), head.all("a"), size) == (200, "1", ["1", "3"], 31)
    for data in (b"x" * 70_000, b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"x" * 70_000 + b"\r\n\r\n"):
        with pytest.raises(BadHead):
            split_head(data)


def test_a_new_nonce_is_answered_and_a_refusal_is_not() -> None:
    login = Login("user", "password")
    assert login.header("GET", "/") is None
    assert login.learn(['Digest realm="r", nonce="1"'])
    assert login.learn(['Digest realm="r", nonce="2", stale=true'])
    assert 'nonce="2"' in (login.header("GET", "/") or "")
    assert not login.learn(['Digest realm="r", nonce="3"'])
    login.accepted()
    assert login.learn(['Digest realm="r", nonce="4"'])
    assert 'nonce="4"' in (login.header("GET", "/") or "")
    assert not Login(None, None).learn(['Basic realm="r"'])
    assert not Login("user", "password").learn(["Negotiate", 'Digest realm="r", nonce="1", algorithm=SHA-512-256'])


class Clock:
    """Stands still while nobody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def looped(
    times: list[tuple[int | None, int | None]], turns: int = 2
) -> tuple[list[tuple[int | None, int | None]], list[float]]:
    clock = Clock()
    loop, placed, due = Loop(clock, clock.sleep), [], []
    for _ in range(turns):
        loop.begin(3600)
        for pts, dts in times:
            packet = loop.placed(SourcePacket(pts, dts, True, 0, b"x"))
            placed.append((packet.pts, packet.dts))
            due.append(round(clock.now - 1000, 3))
        assert not loop.is_empty
    return placed, due


def test_a_loop_goes_on_with_its_clock_and_keeps_its_pace() -> None:
    placed, due = looped([(7200, 0), (14400, 3600), (10800, 7200)])
    assert placed == [(7200, 0), (14400, 3600), (10800, 7200), (18000, 10800), (25200, 14400), (21600, 18000)]
    assert due == [0, 0.04, 0.08, 0.12, 0.16, 0.2]


def test_a_loop_of_packets_without_times_has_the_rate_of_the_video() -> None:
    placed, due = looped([(None, None), (None, None)])
    assert placed == [(None, 0), (None, 3600), (None, 7200), (None, 10800)]
    assert due == [0, 0.04, 0.08, 0.12]


def test_a_loop_does_not_wait_for_a_gap_in_the_times_or_go_back() -> None:
    placed, due = looped([(0, 0), (3600, 3600), (90_000_000, 90_000_000), (100, 100)], turns=1)
    assert [dts for _, dts in placed] == [0, 3600, 7200, 10800]
    assert due == [0, 0.04, 0.08, 0.12]


def test_a_loop_that_was_stopped_does_not_hurry() -> None:
    clock = Clock()
    loop = Loop(clock, clock.sleep)
    loop.begin(3600)
    loop.placed(SourcePacket(0, 0, True, 0, b"x"))
    clock.now += 60
    loop.placed(SourcePacket(3600, 3600, True, 0, b"x"))
    loop.placed(SourcePacket(7200, 7200, True, 0, b"x"))
    assert clock.now == pytest.approx(1060.04)


def test_a_picture_stands_for_a_second() -> None:
    _, due = looped([(0, 0)], turns=3)
    assert due == [0, 1, 2]


def test_a_file_is_told_from_a_live_source_by_its_haste() -> None:
    """A live source may begin with some seconds at once, stand still, and jump in its times."""
    clock = Clock()
    live, file = Haste(clock), Haste(clock)
    times = [n * 3600 for n in range(50 * 25)] + [10**9, 10**9 + 3600, 5]
    assert not any(live.sees(SourcePacket(None, time, True, 0, b"x")) for time in times)
    clock.now += 30
    assert not any(live.sees(SourcePacket(time, None, True, 0, b"x")) for time in times[: 30 * 25])
    seen = [file.sees(SourcePacket(None, n * 3600, True, 0, b"x")) for n in range(100 * 25)]
    assert seen.index(True) == 90 * 25 + 1


@pytest.mark.parametrize(
    "item",
    [
        SourceConfig("h264", b"x", 1, 2),
        SourcePacket(1, None, True, 2.0, b"d"),
        Looped(),
        Ended(Reason.LOST, "x", permanent=True),
    ],
)
def test_messages_of_a_child_come_back(item: Any) -> None:
    data = encode(item)
    kind, size = MESSAGE_HEADER.unpack(data[: MESSAGE_HEADER.size])
    assert size == len(data) - MESSAGE_HEADER.size
    assert decode(kind, data[MESSAGE_HEADER.size :]) == item


@given(st.binary(max_size=300), st.sampled_from([b"", b"$\0\1\0", b"RTSP/1.0 200 OK\r\n", b"--x\r\n", b"5\r\n"]))
def test_any_bytes_are_read_or_refused(data: bytes, begun: bytes) -> None:
    readers: list[Any] = [Wire().feed, Parts("x").feed, lambda data: [Chunks().feed(data)]]
    for feed in readers:
        with suppress(BadHead, SourceFailed):
            list(feed(begun + data))
    with suppress(BadHead):
        found = split_head(data + b"\r\n\r\n")
        assert found
        assert found[0].status < 1000


def processor_time(make: Callable[[], Any], feeds: Sequence[bytes]) -> tuple[float, int]:
    """(of reading these bytes, the least of some times; how many items were found)."""
    times = []
    for _ in range(5):
        feed = make().feed
        began = time.thread_time()
        count = sum(len(list(feed(data))) for data in feeds)
        times.append(time.thread_time() - began)
    return min(times), count


MESSAGES, PACKETS = b"A\n\n" * 100, (b"$\0\5\0" + bytes(1280)) * 200
TINY_PARTS = b"--x\r\n\r\n\xff\xd8\xff\r\n" * 10_000


@pytest.mark.parametrize(
    ("make", "pieces"),
    [(Wire, [MESSAGES, PACKETS]), (lambda: Parts("x"), [TINY_PARTS[i : i + 1400] for i in range(0, 140_000, 1400)])],
    ids=["rtsp", "parts"],
)
def test_what_is_cut_out_does_not_cost_what_comes_behind_it(make: Callable[[], Any], pieces: list[bytes]) -> None:
    apart, count = processor_time(make, pieces)
    together, same_count = processor_time(make, [b"".join(pieces)])
    assert count == same_count > 0
    assert together < 4 * apart


def test_the_beginning_of_an_item_is_not_read_again_with_each_piece() -> None:
    body = bytes(250_000)
    head = b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    one, count = processor_time(Wire, [head, *(body[i : i + 100] for i in range(0, len(body), 100))])
    assert count == 1
    many, _ = processor_time(Wire, [b"$\0\0\x60" + bytes(96)] * (len(body) // 100))
    assert one < 2 * many
