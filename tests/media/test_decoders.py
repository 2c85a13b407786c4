"""The decoder's own process: what a chunk keeps when it dies, hangs or takes too much, and that all else lives on."""

import dataclasses
import io
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import msgspec
import numpy as np
import psutil
import pytest
from msgspec.structs import replace
from PIL import Image as Pictures

from contracts.errors import DecodeFailed
from contracts.models.catalogue import Catalogue
from contracts.results import chunk_codec
from contracts.results.codec import Block, encode_block
from contracts.results.port import MAX_ATTEMPTS
from contracts.wire.messages import Chunk, ChunkFailure
from detector.chunk_attempt import AFTER_ERROR_SECONDS, perform
from detector.context import Services
from detector.decode import parent as decoding
from detector.decode.parent import Budget, Decoders, Images
from detector.decode.protocol import BROKE, Alive, DecodeRequest, DecoderLost, Ended, Frame
from detector.inference import Outcome
from detector.view import whole
from tests.media.test_inference import MODEL, FakeEngines
from tests.media.test_sandbox import Slow, caught, shut_in
from tests.support.detecting import run
from tests.support.fakes import MemoryResultStore, MemoryStorage
from tests.support.processes import children, runs
from tests.support.videos.clips import JOB, RATE, VIDEO_KEY, Clip, chunks, clip, plan
from tests.support.waiting import until


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(Budget(10**8, 10**12))
    yield made
    made.close()


@pytest.fixture
def engines(tmp_path: Path) -> FakeEngines:
    return FakeEngines(tmp_path)


@pytest.fixture(scope="module")
def long() -> Clip:
    """A clip that a decoder reads in several pieces, and of which it shows frames before the last."""
    noise = (np.random.default_rng(n).integers(0, 256, (360, 640, 3), np.uint8) for n in range(48))
    made = clip("matroska", "mjpeg", every=1, size=(640, 360), images=noise, b_frames=0)
    assert len(made.content) > 2 * 1024**2
    return made


def fork_server() -> psutil.Process:
    (found,) = children(psutil.Process(), "detector.decode.fork_server")
    return found


def decoder() -> psutil.Process:
    (found,) = children(fork_server())
    return found


class Interrupted(io.BytesIO):
    """A video during whose reading something happens, once, when some bytes of it have been read."""

    def __init__(self, content: bytes, happens: Callable[[], object], after: int = 900_000) -> None:
        super().__init__(content)
        self._happens: Callable[[], object] | None = happens
        self._after = after

    def read(self, size: int | None = -1) -> bytes:
        if self._happens is not None and self.tell() >= self._after:
            happens, self._happens = self._happens, None
            happens()
        return super().read(size)


def through(chunk: Chunk, source: BinaryIO, decoders: Decoders, engines: FakeEngines) -> Outcome:
    return run(chunk, source, decoders, engines.get(MODEL, "auto"), MODEL, lambda *_: None, lambda: False)


@pytest.mark.parametrize("signal_", [signal.SIGSEGV, signal.SIGABRT, signal.SIGXCPU, signal.SIGSYS])
def test_a_decoder_that_dies_costs_the_frames_behind_and_no_others(
    signal_: int, long: Clip, decoders: Decoders, engines: FakeEngines
) -> None:
    chunk = chunks(long, [0])[0]
    whole_of_it = through(chunk, long.source(), decoders, engines)
    cared = fork_server().pid
    source = Interrupted(long.content, lambda: decoder().send_signal(signal_))
    outcome = through(chunk, source, decoders, engines)
    kept = len(outcome.block)
    assert 3 < kept < 40
    assert outcome.missing == tuple(range(kept, len(chunk.times)))
    for name in ("frame", "time", "count", "class_id", "score", "box"):  # there is one object in each frame
        assert np.array_equal(getattr(outcome.block, name), getattr(whole_of_it.block, name)[:kept])
    assert fork_server().pid == cared
    again = through(chunk, long.source(), decoders, engines)
    assert encode_block(again.block) == encode_block(whole_of_it.block)


def test_a_decoder_that_dies_before_the_first_frame_fails_the_chunk(
    long: Clip, decoders: Decoders, engines: FakeEngines
) -> None:
    source = Interrupted(long.content, lambda: decoder().send_signal(signal.SIGSEGV), after=0)
    with pytest.raises(DecodeFailed, match="broke the decoder"):
        through(chunks(long, [0])[0], source, decoders, engines)


def test_a_decoder_that_hangs_is_ended(
    long: Clip, decoders: Decoders, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[psutil.Process] = []

    def hang() -> None:
        held.append(decoder())
        held[0].suspend()
        monkeypatch.setattr(decoding, "SILENT_SECONDS", 0.5)

    chunk = chunks(long, [0])[0]
    outcome = through(chunk, Interrupted(long.content, hang), decoders, engines)
    assert 3 < len(outcome.block) < 40
    assert outcome.missing == tuple(range(len(outcome.block), len(chunk.times)))
    assert not held[0].is_running()


def test_a_job_that_infers_some_frames_infers_all_where_the_video_breaks_the_decoder(
    long: Clip, decoders: Decoders, engines: FakeEngines
) -> None:
    """What it held of the frames before is gone with it, and they are no more lost than those of any other job."""

    class Breaking(MemoryStorage):
        def open(self, key: str) -> BinaryIO:
            return Interrupted(long.content, lambda: decoder().send_signal(signal.SIGSEGV))

    [chunk] = chunks(long, [0], plan=plan(frames="balanced"), time_base=(1, 1000))
    services = Services(Catalogue(Path("none")), Breaking(), MemoryResultStore(60), engines, decoders, "w", 15)
    assert perform(chunk, services, 0) is None
    block = chunk_codec.decode(services.store.get_chunk(JOB, 0) or b"")
    assert isinstance(block, Block)
    assert 3 < len(block) < 40
    assert block.filled is None
    assert block.frame.tolist() == list(range(len(block)))


@pytest.mark.parametrize("whom", [decoder, fork_server])
def test_what_is_killed_from_outside_is_tried_again(
    whom: Callable[[], psutil.Process], long: Clip, decoders: Decoders, engines: FakeEngines
) -> None:
    """As by a system without memory: that is not the video's fault, and costs no frame."""
    chunk = chunks(long, [0])[0]
    storage = MemoryStorage()
    storage.objects[VIDEO_KEY] = long.content
    services = Services(Catalogue(Path("none")), storage, MemoryResultStore(60), engines, decoders, "w", 15)
    kills = 1

    def kill() -> None:
        if kills:
            victim = whom()
            victim.kill()
            until(lambda: not runs(victim))  # on a busy machine, the video would be read to its end before

    class Killing(MemoryStorage):
        def open(self, key: str) -> BinaryIO:
            return Interrupted(long.content, kill)

    assert perform(chunk, dataclasses.replace(services, storage=Killing()), 0) == AFTER_ERROR_SECONDS
    kills = 0
    assert perform(chunk, services, 1) is None
    block = chunk_codec.decode(services.store.get_chunk(JOB, 0) or b"")
    assert isinstance(block, Block)
    assert len(block) == 48
    # One that dies so each time ends, too.
    kills, services = 1, dataclasses.replace(services, store=MemoryResultStore(60), storage=Killing())
    for _ in range(MAX_ATTEMPTS - 1):
        assert perform(chunk, services, 0) == AFTER_ERROR_SECONDS
    assert perform(chunk, services, 0) is None
    failure = chunk_codec.decode(services.store.get_chunk(JOB, 0) or b"")
    assert isinstance(failure, ChunkFailure)
    assert failure.code == "decoder_lost"


def test_more_memory_than_is_allowed_is_an_error_of_the_video(
    decoders: Decoders, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with io.BytesIO() as sink:
        Pictures.new("RGB", (6000, 4000), "red").save(sink, "PNG")
        content = sink.getvalue()
    made = Clip(content, ((0, 0, True),), 6000, 4000)
    chunk = chunks(made, [0])[0]
    assert len(through(chunk, made.source(), decoders, engines).block) == 1
    monkeypatch.setattr(decoding, "MEMORY_BYTES", fork_server().memory_info().vms + 60 * 1024**2)
    with pytest.raises(DecodeFailed, match="memory"):
        through(chunk, made.source(), decoders, engines)
    small = clip(frames=12)
    assert len(through(chunks(small, [0])[0], small.source(), decoders, engines).block) == 12


@pytest.fixture(scope="module")
def growing() -> Clip:
    """A video of 20 frames whose size changes on the way: 64x48, and 640x480 from frame 8 to 11."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as writer:
        stream = writer.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(20):
            with io.BytesIO() as picture:
                size = (640, 480) if 8 <= number < 12 else (64, 48)
                Pictures.new("RGB", size, (number * 10, 0, 0)).save(picture, "JPEG")
                packet = av.Packet(picture.getvalue())
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, number * 40, number * 40, True
            packet.time_base = Fraction(1, 1000)
            writer.mux(packet)
    with av.open(io.BytesIO(sink.getvalue()), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [frame.width for frame in io_frames(sink.getvalue())] == [64] * 8 + [640] * 4 + [64] * 8
    return Clip(sink.getvalue(), tuple((p.pts, p.dts, True) for p in packets), 64, 48)


def io_frames(content: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(content), "r") as container:
        return list(container.decode(video=0))


def test_frames_that_grow_beyond_what_is_accepted_are_left_out(growing: Clip, engines: FakeEngines) -> None:
    chunk = chunks(growing, [0])[0]
    for budget, missing in (
        (Budget(640 * 480, 10**9), ()),
        (Budget(640 * 480 - 1, 10**9), (8, 9, 10, 11)),
        (Budget(640 * 480, 8 * 64 * 48 + 2 * 640 * 480), tuple(range(10, 20))),
    ):
        decoders = Decoders(budget)
        try:
            assert through(chunk, growing.source(), decoders, engines).missing == missing
        finally:
            decoders.close()


def test_a_decoder_is_shut_in_before_it_reads_a_byte(
    decoders: Decoders, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", "amqp://someone:word@somewhere//")
    made, storage = clip(frames=12), Slow()
    storage.objects[VIDEO_KEY] = made.content
    found: list[Outcome] = []

    def work() -> None:
        with storage.open(VIDEO_KEY) as source:
            found.append(through(chunks(made, [0])[0], source, decoders, engines))

    with caught(storage, "detector.decode.fork_server", work) as process:
        assert not state_is_shut(process), "the fork_server forks"
        (child,) = process.children()
        assert shut_in(child)
        others = {str(path.readlink()) for path in Path(f"/proc/{child.pid}/fd").iterdir()}
        assert sum(name.startswith("socket:") for name in others) == 2  # the video and the line
        for printed in (1, 2):
            assert str(Path(f"/proc/{child.pid}/fd/{printed}").readlink()) == "/dev/null"
    assert len(found[0].block) == 12


def state_is_shut(process: psutil.Process) -> bool:
    return "Seccomp:\t2" in Path(f"/proc/{process.pid}/status").read_text()


def test_nothing_is_left_of_many_decoders(decoders: Decoders, engines: FakeEngines) -> None:
    made = clip(frames=12)
    chunk = chunks(made, [0])[0]
    through(chunk, made.source(), decoders, engines)
    before = (psutil.Process().num_fds(), fork_server().num_fds(), threading.active_count())
    for _ in range(5):
        assert len(through(chunk, made.source(), decoders, engines).block) == 12
    assert (psutil.Process().num_fds(), fork_server().num_fds(), threading.active_count()) == before
    assert fork_server().children() == []
    ended = fork_server()
    decoders.close()
    assert not ended.is_running()


@pytest.mark.parametrize(
    "said",
    [[Frame(2, 8, 8)], [Frame(0, 8, 8)] * 2, [Frame(0, 0, 8)], [b"\xc1 nonsense"], [b"\x80"]],
    ids=["another frame", "a frame twice", "no size", "no message", "another message"],
)
def test_what_a_decoder_should_not_say_ends_it(said: list[Frame | bytes]) -> None:
    assert heard([*said, Ended()])[1] == BROKE


def test_what_a_decoder_says_is_heard_to_its_end() -> None:
    assert heard([Frame(0, 8, 8), Alive(), Frame(1, 8, 8), Ended()]) == ([0, 1], None)
    assert heard([Frame(0, 8, 8), Ended("decode_failed", "why")]) == ([0], "why")
    for last in (Ended("internal", "why"), None):
        with pytest.raises(DecoderLost):
            heard([Frame(0, 8, 8), last])


def heard(messages: list[Frame | Alive | Ended | bytes | None]) -> tuple[list[int], str | None]:
    """Places of the images, and the failure, of a decoder that says all this, as from a compromised process."""
    chunk = replace(chunks(clip(frames=12), [0])[0], times=(0, 40))
    request = DecodeRequest(chunk, whole((8, 8)), "RGB", 2, 64, 1000, 0, 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for message in messages:
            if message is None:
                theirs.close()
            else:
                theirs.send(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))
        images = Images(ours, request, np.zeros(request.shape, np.uint8), lambda: None)
        return [place for place, _ in images], images.failure
