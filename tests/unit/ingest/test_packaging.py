"""The packager: packets as ingest reads them become mp4 fragments that play the same pictures at the same times."""

import io
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.live.packets import CodecConfig, Packet
from ingest.packaging.clock import StreamClock
from ingest.packaging.packager import Packager, Position
from ingest.sources.port import SourceConfig, SourcePacket
from tests.support.videos.formats import File, encode, planes, remux

STARTED = 1_000.0


def read(file: File) -> tuple[SourceConfig, list[SourcePacket]]:
    """What a source makes of a file's video, one packet every 1/10 s from STARTED on."""
    with av.open(file.source(), "r") as reader:
        stream: Any = reader.streams.video[0]
        context = stream.codec_context
        config = SourceConfig(context.name, context.extradata or b"", context.width, context.height, fps=10)
        packets = [
            SourcePacket(
                ticks(p.pts, p.time_base), ticks(p.dts, p.time_base), p.is_keyframe, STARTED + n / 10, bytes(p)
            )
            for n, p in enumerate(reader.demux(stream))
            if p.size
        ]
    return config, packets


def ticks(time: int | None, base: Fraction) -> int | None:
    return None if time is None else round(time * base * 90_000)


def packed(packager: Packager, config: SourceConfig, packets: list[SourcePacket]) -> list[CodecConfig | Packet]:
    packager.configure(config)
    return [item for packet in packets for item in packager.packet(packet)]


def pictures(content: io.BytesIO) -> list[tuple[float | None, bytes]]:
    with av.open(content, "r") as reader:
        return [(frame.time, planes(frame)) for frame in reader.decode(video=0)]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("container", ["matroska", "mpegts"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_fragments_play_the_source_s_pictures_at_its_times(codec: str, container: str, b_frames: int) -> None:
    file = remux(encode("matroska", codec, frames=20, every=10, b_frames=b_frames), container)
    config, packets = read(file)
    items = packed(Packager(STARTED), config, packets)
    (made,) = [item for item in items if isinstance(item, CodecConfig)]
    written = io.BytesIO(made.init + b"".join(i.head + i.data for i in items if isinstance(i, Packet)))
    shown, expected = pictures(written), pictures(file.source())
    assert [picture for _, picture in shown] == [picture for _, picture in expected]
    steps = [Fraction((time or 0) - (expected[0][0] or 0)).limit_denominator(90_000) for time, _ in expected]
    first = min(item.pts for item in items if isinstance(item, Packet))
    assert [round((time or 0) * 90_000) - first for time, _ in shown] == [round(step * 90_000) for step in steps]
    assert made.mime.startswith('video/mp4; codecs="' + ("avc1." if codec == "libx264" else "hvc1."))
    assert (made.width, made.height) == (config.width or made.width, config.height or made.height) != (0, 0)


def test_viewers_are_told_of_long_frames_that_the_next_one_ends() -> None:
    """A browser would take a frame after a gap of two durations for a new beginning."""
    config, packets = read(encode("matroska", "libx264", frames=4))
    made, *items = packed(Packager(STARTED), config, packets)
    assert isinstance(made, CodecConfig)
    for item in items:
        assert isinstance(item, Packet)
        with av.open(io.BytesIO(made.init + item.head + item.data), "r") as reader:
            (alone,) = (one for one in reader.demux(video=0) if one.size)
            assert alone.duration == 180_000 > item.duration


def test_odd_sizes_and_rotation_are_told_to_the_player() -> None:
    config, packets = read(encode("matroska", "libx264", frames=2, size=(162, 90)))
    items = packed(Packager(STARTED), SourceConfig(config.codec, config.extradata, 0, 0, rotation=90), packets)
    made = items[0]
    assert isinstance(made, CodecConfig)
    assert (made.width, made.height, made.rotation) == (162, 90, 90)
    first = items[1]
    assert isinstance(first, Packet)
    with av.open(io.BytesIO(made.init + first.head + first.data), "r") as reader:
        frame = next(reader.decode(video=0))
        assert (frame.width, frame.height, frame.rotation % 360) == (162, 90, 270)  # PyAV turns to the left


def test_a_start_inside_a_group_waits_for_the_keyframe() -> None:
    config, packets = read(encode("matroska", "libx264", frames=20, every=10))
    items = packed(Packager(STARTED), config, packets[3:])
    kept = [item for item in items if isinstance(item, Packet)]
    assert [(item.number, item.key) for item in kept] == [(number, number == 0) for number in range(10)]


def test_the_same_configuration_is_told_once_and_another_size_makes_another() -> None:
    packager = Packager(STARTED)
    small, large = (read(encode("mpegts", "libx264", frames=4, size=size)) for size in ((160, 90), (320, 180)))
    found: list[CodecConfig | Packet] = []
    for config, packets in (small, small, large):
        packager.reconnected()
        later = [SourcePacket(p.pts, p.dts, p.key, p.arrival + len(found), p.data) for p in packets]
        found += packed(packager, config, later)
    configs = [(item.number, item.width) for item in found if isinstance(item, CodecConfig)]
    assert configs == [(1, 160), (2, 320)]
    made = [item for item in found if isinstance(item, Packet)]
    assert [item.number for item in made] == list(range(12))
    assert [item.restart for item in made] == [n % 4 == 0 for n in range(12)]
    assert made[8].config == 2


def test_lost_packets_make_the_decoder_wait() -> None:
    config, packets = read(encode("matroska", "libx264", frames=6))
    packets[3] = SourcePacket(packets[3].pts, packets[3].dts, False, packets[3].arrival, packets[3].data, lost=2)
    items = [item for item in packed(Packager(STARTED), config, packets) if isinstance(item, Packet)]
    assert [item.restart for item in items] == [False, False, False, True, False, False]


def test_another_ingest_goes_on_where_the_packets_end() -> None:
    config, packets = read(encode("matroska", "libx264", frames=3))
    items = packed(Packager(STARTED, Position(packet=7, config=2, ticks=10**9)), config, packets)
    made, first = items[0], items[1]
    assert isinstance(made, CodecConfig)
    assert isinstance(first, Packet)
    assert (made.number, first.number, first.config) == (3, 7, 3)
    assert first.dts >= 10**9


def test_jpegs_and_other_codecs_travel_as_they_are() -> None:
    config, packets = read(encode("matroska", "mjpeg", frames=2, pixels="yuvj420p"))
    items = packed(Packager(STARTED), config, packets)
    made = items[0]
    assert isinstance(made, CodecConfig)
    assert (made.codec, made.mime, made.init) == ("mjpeg", "image/jpeg", b"")
    assert [i.data for i in items if isinstance(i, Packet)] == [p.data for p in packets]
    config, packets = read(encode("matroska", "libvpx", frames=2))
    items = packed(Packager(STARTED), config, packets)
    assert isinstance(items[0], CodecConfig)
    assert (items[0].codec, items[0].mime) == ("vp8", "")


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**33), 2**33)),
            st.one_of(st.none(), st.integers(-(2**33), 2**33)),
            st.booleans(),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_ticks_are_unique_and_do_not_fall_whatever_the_source_says(
    times: list[tuple[int | None, int | None, bool]],
) -> None:
    clock = StreamClock(STARTED)
    found = []
    for number, (pts, dts, again) in enumerate(times):
        if again:
            clock.restart()
        found.append(clock.times(pts, dts, STARTED + number / 25))
    decoded = [dts for _, dts in found]
    assert decoded == sorted(set(decoded))
    shown = [pts for pts, _ in found]
    assert len(set(shown)) == len(shown)
    assert min(decoded) >= 0
    assert all(abs(pts - dts) <= 20 * 90_000 for pts, dts in found)


def test_a_source_s_clock_that_jumps_goes_on_at_the_time_of_arrival() -> None:
    clock = StreamClock(STARTED)
    found = [
        clock.times(pts, pts, STARTED + n)[0] for n, pts in enumerate([500, 90_500, 90 * 10**9, 90 * 10**9 + 90_000, 0])
    ]
    assert found == [n * 90_000 for n in range(5)]


def test_the_clock_runs_on_over_a_reconnection_and_over_a_clock_set_back() -> None:
    clock = StreamClock(STARTED)
    before = clock.times(0, 0, STARTED + 10)[0]
    clock.restart()
    assert clock.times(7, 7, STARTED + 15)[0] == before + 5 * 90_000
    clock.restart()
    assert clock.times(7, 7, STARTED - 3600)[0] > before + 5 * 90_000


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("taken_over", [False, True])
def test_times_keep_their_pace_while_the_clock_is_set_back(*, timed: bool, taken_over: bool) -> None:
    """By an hour, in the middle or where the next ingest has another clock."""
    clock = StreamClock(STARTED)
    for n in range(25):
        clock.times(n * 3600, n * 3600, STARTED + 100 + n / 25)
    if taken_over:
        clock = StreamClock(STARTED, not_before=101 * 90_000)
    known = [n * 3600 if timed else None for n in range(25, 75)]
    found = [clock.times(ticks, ticks, STARTED - 3600 + n / 25)[1] for n, ticks in enumerate(known)]
    assert found[0] >= 100 * 90_000
    assert {later - earlier for earlier, later in pairwise(found[1:])} == {3600}


@pytest.mark.parametrize("timed", [True, False])
def test_times_jump_once_where_the_clock_is_set_forward_and_keep_their_pace_then(*, timed: bool) -> None:
    """By an hour, and back again, as where it was set wrong."""
    clock = StreamClock(STARTED)
    ahead = [3600 * (25 <= n < 50) for n in range(75)]
    arrivals = [STARTED + 100 + n / 25 + more for n, more in enumerate(ahead)]
    found = [clock.times(n * 3600 if timed else None, None, came)[0] for n, came in enumerate(arrivals)]
    steps = [later - earlier for earlier, later in pairwise(found)]
    assert abs(steps[24] - 3601 * 90_000) <= 90_000
    assert min(steps) > 0
    assert all(abs(step - 3600) <= 1 for step in steps[:24] + steps[25:49] + steps[50:])
    assert steps[49] <= 90_000, "what follows is not an hour later once more"


@pytest.mark.parametrize("has_dts", [True, False])
def test_times_that_begin_anew_within_a_connection_do_not_fall(*, has_dts: bool) -> None:
    """As those of a camera that is set to another size; with B-frames."""
    clock = StreamClock(STARTED)
    order = [number + block for block in range(0, 48, 4) for number in (0, 3, 1, 2)]
    found = [
        clock.times((shown + 2) * 3600, number * 3600 if has_dts else None, STARTED + turn * 2 + number / 25)[0]
        for turn in range(2)
        for number, shown in enumerate(order)
    ]
    first, second = sorted(found[:48]), sorted(found[48:])
    assert second[0] > first[-1]
    assert {later - earlier for part in (first, second) for earlier, later in pairwise(part)} == {3600}
