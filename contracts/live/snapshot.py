"""The newest picture of a stream that can be shown without decoding."""

from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from contracts.errors import NoPicture
from contracts.live import keys, packets
from contracts.live.packets import CodecConfig, Packet, is_jpeg, is_shown

_NOTHING = "there is no picture of this stream now: see its state, and try again when it is live"


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG, or an mp4 with one frame. name: differs for each picture of the stream."""

    name: str
    content: bytes
    media_type: str


def newest(client: "redis.Redis", stream_id: str) -> Picture:
    """The newest keyframe. Raises NoPicture, RedisError."""
    key: Any = client.get(keys.keyframe(stream_id))
    found: Any = client.xrange(keys.packets(stream_id), key, key) if key else []
    if not found:
        raise NoPicture(_NOTHING)
    try:
        packet = packets.decode_packet(found[0][1][packets.FIELD])
        data: Any = client.hget(keys.configs(stream_id), str(packet.config))
        config = packets.decode_config(data) if data else None
    except msgspec.DecodeError:
        config = None
    if config is None:
        raise NoPicture(_NOTHING)
    return picture(key.decode(), packet, config)


def picture(name: str, packet: Packet, config: CodecConfig) -> Picture:
    """A keyframe as a picture. Raises NoPicture where no browser shows its codec."""
    if not is_shown(config):
        raise NoPicture(f"no browser shows the codec {config.codec} of this stream: its results are there all the same")
    if is_jpeg(config):
        return Picture(name, packet.data, "image/jpeg")
    return Picture(name, config.init + packet.head + packet.data, "video/mp4")
