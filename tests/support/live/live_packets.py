"""The packets of a stream without an ingest: those of a video, published as ingest publishes them."""

import io
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

import av
import redis
from msgspec.structs import replace

from contracts.live import keys
from contracts.live.packets import FIELD, CodecConfig, Packet, encode
from contracts.live.registry import StreamRegistry
from contracts.live.results import LiveFrame, decode
from contracts.live.streams import TICKS_PER_SECOND, StreamOptions, StreamSpec


@dataclass(frozen=True)
class Footage:
    """A video as a stream: its configuration, and its packets in decoding order, from number 0 and pts 0 on."""

    config: CodecConfig
    packets: tuple[Packet, ...]


def footage(content: bytes, config: int = 1) -> Footage:
    """The packets of a video file."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        codec, found = stream.codec_context, [packet for packet in container.demux(stream) if packet.size]
        made = CodecConfig(
            config, codec.name, codec.extradata or b"", codec.width, codec.height, _rotation(content), "", b""
        )
        ticks = Fraction(TICKS_PER_SECOND) * (stream.time_base or 1)
        start = min(packet.pts or 0 for packet in found)

        def packet(number: int, one: Any) -> Packet:
            pts, dts = (round((value - start) * ticks) for value in (one.pts, one.dts))
            return Packet(config, number, pts, dts, round(one.duration * ticks), one.is_keyframe, 0.0, bytes(one))

        return Footage(made, tuple(packet(number, one) for number, one in enumerate(found)))


def _rotation(content: bytes) -> int:
    with av.open(io.BytesIO(content), "r") as container:
        return round(-next(container.decode(video=0)).rotation) % 360


class Publisher:
    """One stream in the registry, whose packets a test sends. kept: how many of the newest packets."""

    def __init__(self, client: "redis.Redis", model: str, kept: int = 10_000, **options: Any) -> None:
        self.redis = client
        self.spec = StreamSpec(
            id=uuid.uuid4().hex,
            user_id="someone",
            kind="push",
            revision=1,
            started_at=time.time(),
            model=model,
            options=StreamOptions(**options),
        )
        self._kept = kept
        self._numbers, self.sent = count(), 0
        self.registry = StreamRegistry(client)

    @property
    def id(self) -> str:
        return self.spec.id

    def publish(self, **changes: Any) -> None:
        """Publish the stream, or a change of it."""
        if changes:
            self.spec = replace(self.spec, revision=self.spec.revision + 1, **changes)
        self.registry.publish(self.spec, b"")

    def remove(self) -> None:
        self.registry.remove(self.id)

    def configure(self, config: CodecConfig) -> None:
        self.redis.hset(keys.configs(self.id), str(config.number), encode(config))

    def send(self, packet: Packet) -> None:
        """Send one packet, under the next number, as one that arrives now."""
        with self.redis.pipeline() as pipe:
            self.send_all(pipe, [packet], self._kept)

    def send_all(self, pipe: Any, packets: Sequence[Packet], kept: int) -> None:
        """Send packets in one transaction, of which the newest are kept."""
        for packet in packets:
            numbered = replace(packet, number=next(self._numbers), arrival=time.time())
            pipe.xadd(keys.packets(self.id), {FIELD: encode(numbered)}, maxlen=kept, approximate=False)
        entries = pipe.execute()
        for packet, entry in zip(packets, entries, strict=True):
            if packet.key:
                self.redis.set(keys.keyframe(self.id), entry)
        self.sent += len(packets)

    def results(self) -> list[LiveFrame]:
        found: Any = self.redis.xrange(keys.results(self.id))
        return [decode(fields[b"r"]) for _, fields in found]


def looped(made: Footage, times: int, rate: float = 25) -> Iterator[Packet]:
    """The packets again and again, with times that run on."""
    length = max(packet.pts for packet in made.packets) + round(TICKS_PER_SECOND / rate)
    for turn in range(times):
        for packet in made.packets:
            yield replace(packet, pts=packet.pts + turn * length, dts=packet.dts + turn * length)
