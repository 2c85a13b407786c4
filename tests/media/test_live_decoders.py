"""The decoder of a stream: what it makes of packets, and what becomes of one that dies, lies, or is given nonsense."""

import io
import os
import socket
from collections.abc import Iterator

import msgspec
import numpy as np
import psutil
import pytest
from PIL import Image as Pictures

from contracts.errors import DecodeFailed
from detector.decode import live_parent
from detector.decode.live_parent import LiveDecoder
from detector.decode.live_protocol import Decoded, Feed, Look, Ready
from detector.decode.processes import ForkServer
from detector.decode.protocol import BROKE, HUNG, DecoderLost, Descriptors, Ended, Exit, Request
from detector.view import whole
from tests.support.live.live_packets import Footage, footage
from tests.support.processes import children, still_there
from tests.support.videos.clips import clip

SIZE = (64, 48)
LOOK = Look(None, whole(SIZE), "RGB", 0, 0)
PIXELS = 10**6


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown() -> Footage:
    return footage(clip(frames=24, b_frames=0, size=SIZE).content)


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = SIZE) -> bytes:
    with io.BytesIO() as sink:
        Pictures.new("RGB", size, colour).save(sink, "JPEG")
        return sink.getvalue()


def decoder(fork_server: ForkServer, codec: str = "mjpeg", extradata: bytes = b"", pixels: int = PIXELS) -> LiveDecoder:
    made = LiveDecoder(fork_server, codec, extradata, pixels, SIZE[0] * SIZE[1] * 3)
    made.look(LOOK)
    return made


def h264(fork_server: ForkServer, shown: Footage) -> LiveDecoder:
    return decoder(fork_server, shown.config.codec, shown.config.extradata)


def test_an_image_is_written_to_the_slot_that_was_asked_for(fork_server: ForkServer) -> None:
    one = decoder(fork_server)
    for slot, colour in enumerate([(200, 0, 0), (0, 200, 0), (0, 0, 200)]):
        assert one.decode(Feed(slot, slot, False, jpeg(colour))) == Decoded((slot,), (), slot, *SIZE)
    for slot in range(3):
        mean = one.image(slot, (SIZE[1], SIZE[0], 3)).mean((0, 1))
        assert np.argmax(mean) == slot
    assert one.decode(Feed(9, 0, False, jpeg((0, 0, 0)), wanted=False)) == Decoded((9,))
    assert one.image(0, (SIZE[1], SIZE[0], 3)).mean() > 50, "no image was wanted"
    one.close()


def test_frames_of_another_size_are_shown_in_the_same_image(fork_server: ForkServer) -> None:
    one = decoder(fork_server)
    assert one.decode(Feed(0, 0, False, jpeg((200, 0, 0), (320, 200)))) == Decoded((0,), (), 0, 320, 200)
    assert one.image(0, (SIZE[1], SIZE[0], 3))[..., 0].min() > 150
    one.close()


def test_frames_beyond_what_is_accepted_do_not_come_out(fork_server: ForkServer) -> None:
    one = decoder(fork_server, pixels=SIZE[0] * SIZE[1])
    assert one.decode(Feed(0, 0, False, jpeg((9, 9, 9), (640, 480)))) == Decoded()
    assert one.decode(Feed(1, 0, False, jpeg((9, 9, 9)))).frames == (1,)
    one.close()


def test_after_a_gap_it_begins_anew_and_gives_what_it_held(fork_server: ForkServer) -> None:
    reordered = footage(clip(frames=24, b_frames=2, size=SIZE).content)
    one = h264(fork_server, reordered)
    came: list[int] = []
    for packet in reordered.packets[:8]:
        came += one.decode(Feed(packet.pts, 0, False, packet.data)).frames
    assert len(came) == 6
    key = reordered.packets[12]
    assert key.key
    came += one.decode(Feed(key.pts, 0, True, key.data)).frames
    assert came[:8] == sorted(packet.pts for packet in reordered.packets[:8])
    one.close()


@pytest.mark.parametrize("codec", ["nonsense", "aac"])
def test_a_codec_that_is_unknown_or_of_sound_says_so(codec: str, fork_server: ForkServer) -> None:
    with pytest.raises(DecodeFailed, match=codec):
        decoder(fork_server, codec)
    decoder(fork_server).close()


def test_nonsense_comes_to_nothing_and_harms_no_later_packet(fork_server: ForkServer, shown: Footage) -> None:
    random = np.random.default_rng(5)
    one = h264(fork_server, shown)
    for number, packet in enumerate(shown.packets[:12]):
        damaged = bytearray(packet.data)
        for place in random.integers(4, len(damaged), 8):
            damaged[place] = random.integers(256)
        one.decode(Feed(number, 0, False, bytes(damaged)))
    one.decode(Feed(50, 0, False, random.bytes(5000)))
    for place, packet in enumerate(shown.packets[12:14]):
        assert one.decode(Feed(100 + place, 0, not place, packet.data)).frames[-1:] == (100 + place,)
    one.close()


def test_the_end_of_the_fork_server_ends_its_decoders_and_the_next_one_starts(fork_server: ForkServer) -> None:
    one, other = decoder(fork_server), decoder(fork_server)
    [server] = children(psutil.Process(), "detector.decode.fork_server")
    assert len(server.children()) == 2
    one.close()
    decoders = server.children()
    assert len(decoders) == 1
    server.kill()
    assert still_there(decoders, 60) == []
    with pytest.raises(DecoderLost):
        other.decode(Feed(0, 0, False, jpeg((1, 2, 3))))
    other.close()
    before = psutil.Process().num_fds()
    again = decoder(fork_server)
    assert again.decode(Feed(0, 0, False, jpeg((1, 2, 3)))).frames == (0,)
    again.close()
    del again  # and its memory
    assert psutil.Process().num_fds() == before + 1, "the line to the fork server"


class Liar(ForkServer):
    """Starts no decoder, and says what one should not say, as from a compromised process."""

    def __init__(self, said: list[object], status: int = 0) -> None:
        super().__init__()
        self._said, self._status = said, status
        self._kept: list[socket.socket] = []

    def begin(self, request: Request, descriptors: Descriptors) -> int:
        channel = socket.socket(fileno=os.dup(descriptors.channel))
        self._kept = [channel, socket.socket(fileno=os.dup(descriptors.source))]
        for message in self._said:
            if message is None:
                channel.close()
            else:
                channel.send(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))
        return 1

    def end(self, number: int) -> Exit:
        for kept in self._kept:
            kept.close()
        return Exit(self._status, 0.0)


@pytest.mark.parametrize(
    "said",
    [b"\xc1", b"\x80", Ready(), Decoded((1,), (), 2), Decoded((1,), (), 1, 5000, 5000), Decoded((1,), (), 1, 0, 1)],
    ids=["no message", "another message", "twice", "a frame that did not come", "too large", "no size"],
)
def test_what_a_decoder_should_not_say_ends_it(said: object) -> None:
    one = LiveDecoder(Liar([Ready(), said]), "mjpeg", b"", PIXELS, 100)
    with pytest.raises(DecodeFailed, match=BROKE):
        one.decode(Feed(0, 0, False, b"x"))
    one.close()


@pytest.mark.parametrize(("status", "kind"), [(-11, DecodeFailed), (-9, DecoderLost), (0, DecoderLost)])
def test_one_that_died_of_its_stream_is_told_from_one_that_was_killed(status: int, kind: type[Exception]) -> None:
    one = LiveDecoder(Liar([Ready(), None], status), "mjpeg", b"", PIXELS, 100)
    with pytest.raises(kind):
        one.decode(Feed(0, 0, False, b"x"))
    one.close()


def test_one_that_cannot_go_on_says_why() -> None:
    one = LiveDecoder(Liar([Ready(), Ended("decode_failed", "its colours")]), "mjpeg", b"", PIXELS, 100)
    with pytest.raises(DecodeFailed, match="its colours"):
        one.decode(Feed(0, 0, False, b"x"))
    one.close()
    with pytest.raises(DecoderLost, match="why"):
        LiveDecoder(Liar([Ended("internal", "why")]), "mjpeg", b"", PIXELS, 100)


def test_one_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_parent, "ANSWER_SECONDS", 0.05)
    one = LiveDecoder(Liar([Ready()]), "mjpeg", b"", PIXELS, 100)
    with pytest.raises(DecodeFailed, match=HUNG):
        one.decode(Feed(0, 0, False, b"x"))
    with pytest.raises(DecodeFailed, match=HUNG):  # and reads nothing
        one.decode(Feed(0, 0, False, b"x" * 10**7))
    one.close()
