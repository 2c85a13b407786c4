"""The packets of a stream on their way from ingest to detectors and viewers.

They travel through one bounded Redis Stream per stream (`keys.packets`), one entry per packet in decoding order, with
one field FIELD. The codec configuration lies beside it (`keys.configs`), and a reader starts at the newest keyframe
(`keys.keyframe`). Ingest writes them with `PacketWriter`, readers use `contracts.live.packet_reader`.
"""

import msgspec

FIELD = b"p"
_JPEG_MIME = "image/jpeg"


class CodecConfig(msgspec.Struct, frozen=True):
    """What a decoder and a player need before the first packet.

    number: of this configuration in the stream, from 1 on; it changes with the size or the codec. codec: FFmpeg's name
    ("h264", "hevc", "mjpeg", ...). extradata: of the decoder, in the form of an mp4 file (avcC, hvcC); empty where the
    codec has none. width, height: in pixels, as stored. rotation: degrees clockwise that a player applies. mime: for
    Media Source Extensions, such as 'video/mp4; codecs="avc1.42e01f"', or "image/jpeg"; empty where no browser plays
    it. init: the mp4 initialisation segment, empty where mp4 cannot hold the codec.
    """

    number: int
    codec: str
    extradata: bytes
    width: int
    height: int
    rotation: int
    mime: str
    init: bytes


class Packet(msgspec.Struct, frozen=True, omit_defaults=True):
    """One packet, which is one frame.

    config: number of its configuration. number: of the packet since the start of the stream, in decoding order, without
    gaps: what the network lost has none. pts, dts, duration: in ticks of the stream clock; pts are
    unique, dts rise. key: decoding can start here. arrival: Unix seconds at which its last byte came. data: as in an
    mp4 sample (length-prefixed for H.264 and H.265). head: moof and the header of mdat, so that head + data is a media
    fragment; empty for image/jpeg. restart: packets before it were lost, so that a decoder waits for the next keyframe.
    """

    config: int
    number: int
    pts: int
    dts: int
    duration: int
    key: bool
    arrival: float
    data: bytes
    head: bytes = b""
    restart: bool = False


def is_shown(config: CodecConfig) -> bool:
    """Whether browsers can show it."""
    return bool(config.mime) and (config.mime == _JPEG_MIME or bool(config.init))


def is_jpeg(config: CodecConfig) -> bool:
    """Whether each packet is a JPEG."""
    return config.mime == _JPEG_MIME


def encode(item: Packet | CodecConfig) -> bytes:
    """As MessagePack."""
    return msgspec.msgpack.encode(item)


def decode_packet(data: bytes) -> Packet:
    """Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=Packet)


def decode_config(data: bytes) -> CodecConfig:
    """Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=CodecConfig)
