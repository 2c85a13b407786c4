"""Files that are not read: each is refused with what it is and what makes it readable."""

import io
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts.errors import VideoRefused
from processor.probe.child import Limits, inspect
from tests.support.videos.clips import clip

LIMITS = Limits(10**9, 10**9, 10**15)


def reason(content: bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(VideoRefused) as refused:
        inspect(io.BytesIO(content), LIMITS)
    return refused.value.detail


def encoded(container: str, codec: str, **options: str) -> bytes:
    """A second of video in a container or, raw, in none."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container, options=options) as writer:
        stream: Any = writer.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 352, 288, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 1_000_000
        for number in range(25):
            image = np.full((288, 352, 3), 10 * number, np.uint8)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        writer.mux(stream.encode())
    return sink.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "says", "command"),
    [
        ("mpeg2video", "mpeg2video", "raw MPEG-1 or MPEG-2", "ffmpeg -i in.m2v "),
        ("m4v", "mpeg4", "raw MPEG-4", "ffmpeg -framerate 25 -i in.m4v "),
        ("mjpeg", "mjpeg", "raw stream of JPEG", "ffmpeg -framerate 25 -f mjpeg -i in.mjpeg "),
        ("mxf", "mpeg2video", "MXF", "ffmpeg -i in.mxf -c copy out.mkv"),
        ("ivf", "libvpx", "IVF", "ffmpeg -i in.ivf -c copy out.mkv"),
        ("nut", "mpeg4", "NUT", "ffmpeg -i in.nut -c copy out.mkv"),
        ("yuv4mpegpipe", "wrapped_avframe", "YUV4MPEG", "ffmpeg -i in.y4m "),
        ("rm", "rv20", "RealMedia", "ffmpeg -i in.rm "),
        ("mpjpeg", "mjpeg", "network camera", "ffmpeg -framerate 25 -i in.mjpeg "),
    ],
)
def test_a_file_of_another_kind_is_named_with_the_command_that_helps(
    container: str, codec: str, says: str, command: str
) -> None:
    told = reason(encoded(container, codec))
    assert says in told
    assert command in told


@pytest.mark.parametrize(("head", "says"), [(b"DHAV", "DAV"), (b"HXVS", "Xiongmai"), (b"\x1f\x07\0\x3f", "raw DV")])
def test_recordings_that_nothing_here_writes_are_known_by_their_first_bytes(head: bytes, says: str) -> None:
    assert says in reason(head + bytes(1000))


def test_a_photograph_that_announces_other_views_is_no_stream() -> None:
    [first, *_] = encoded("mjpeg", "mjpeg").split(b"\xff\xd9", 1)
    view = first + b"\xff\xd9"
    assert "raw stream of JPEG" in reason(view * 5)
    announced = view[:2] + b"\xff\xe2\0\x06MPF\0" + view[2:]
    media = inspect(io.BytesIO(announced + view * 4), LIMITS).media
    assert media is not None
    assert media.frames == 1


def test_a_segment_of_a_stream_is_named() -> None:
    content = encoded("mp4", "libx264", movflags="frag_keyframe+empty_moov+default_base_moof")
    told = reason(content[content.index(b"moof") - 4 :])
    assert "a segment of a stream" in told
    assert "cat init.mp4 in.m4s > out.mp4" in told


@pytest.mark.parametrize(("kind", "says"), [("BMP", "BMP"), ("TIFF", "TIFF"), ("JPEG2000", "JPEG 2000")])
def test_a_picture_of_another_kind_is_named(kind: str, says: str) -> None:
    sink = io.BytesIO()
    Image.new("RGB", (64, 48)).save(sink, kind)
    assert says in reason(sink.getvalue())


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov"}], ids=str)
def test_an_encrypted_mp4_is_refused_as_such(options: dict[str, str]) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    told = reason(encoded("mp4", "libx264", **key, **options))
    assert "it is encrypted" in told
    assert "ffmpeg -decryption_key KEY" in told


def element(name: str, *content: bytes) -> bytes:
    inside = b"".join(content)
    return bytes.fromhex(name) + (0x10000000 | len(inside)).to_bytes(4, "big") + inside


@pytest.mark.parametrize(("kind", "encrypted"), [(b"\x01", True), (b"\x02", False)])
def test_an_encrypted_webm_is_refused_and_one_whose_sound_is_encrypted_is_not(kind: bytes, encrypted: bool) -> None:
    """The tracks of a whole file, with the encryption of WebM added to one."""
    content = clip("webm", "libvpx", frames=4, every=2, b_frames=0).content
    lock = element("6d80", element("6240", element("5033", b"\x01"), element("5035", element("47e1", b"\x05"))))
    track = element("1654ae6b", element("ae", element("d7", b"\x02"), element("83", kind), lock))
    start = content.index(bytes.fromhex("18538067")) + 12  # of the segment's content
    made = content[:start] + track + content[start:]
    if encrypted:
        assert "it is encrypted" in reason(made)
    else:
        assert inspect(io.BytesIO(made), LIMITS).media is not None


def packets(stream: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(stream, np.uint8).reshape(-1, 188).copy()


@pytest.mark.parametrize("prefix", [0, 4])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_a_scrambled_transport_stream_is_refused_and_one_with_a_scrambled_part_is_read(
    share: float, prefix: int
) -> None:
    """prefix: bytes before each packet, as Blu-ray discs and AVCHD cameras have them."""
    data = packets(clip("mpegts", "libx264", frames=50).content)
    video = np.flatnonzero(((data[:, 1] & 0x1F) == 1) & (data[:, 2] == 0))
    data[video[len(video) - int(share * len(video)) :], 3] |= 0x80
    stream = np.pad(data, ((0, 0), (prefix, 0))).tobytes()
    if share == 1.0:
        assert "scrambled" in reason(stream)
    else:
        assert inspect(io.BytesIO(stream), LIMITS).media is not None


def test_protected_windows_media_is_refused_as_such() -> None:
    content = clip("asf", "wmv2", frames=4, every=2, b_frames=0).content
    guid = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")
    size = int.from_bytes(content[16:24], "little")
    entry = guid + (24).to_bytes(8, "little")
    assert "it is encrypted" in reason(
        content[:16] + (size + 24).to_bytes(8, "little") + content[24:30] + entry + content[30:]
    )
