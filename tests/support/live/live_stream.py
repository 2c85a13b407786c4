"""A stream in Redis as ingest and detector write it, of made-up pictures: what reads it here decodes nothing."""

import time
from typing import Any

import numpy as np
import redis

from contracts.live import keys, packets, presence, results
from contracts.live.packets import CodecConfig, Packet
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND, StreamState
from contracts.results.codec import Detections
from contracts.wire.messages import Options, Plan, encode

FPS = 30
_STEP = TICKS_PER_SECOND // FPS

H264 = CodecConfig(1, "h264", b"avcC", 640, 480, 0, 'video/mp4; codecs="avc1.42e01f"', b"ftyp+moov")
JPEG = CodecConfig(1, "mjpeg", b"", 640, 480, 0, "image/jpeg", b"")
RAW = CodecConfig(1, "msmpeg4v3", b"", 640, 480, 0, "", b"")


class LiveStream:
    """Writes packets, results and presence of one stream. number: of the packets so far."""

    def __init__(
        self, client: "redis.Redis", stream_id: str, config: CodecConfig = H264, model: str = "nanodet-g"
    ) -> None:
        self.id = stream_id
        self.number = 0
        self._redis = client
        self.use(config)
        client.hset(keys.plans(stream_id), "1", encode(Plan(model, "", "openvino", "fp32", Options())))

    def use(self, config: CodecConfig) -> None:
        """Go on with a configuration."""
        self.config = config
        self._redis.hset(keys.configs(self.id), str(config.number), packets.encode(config))

    def packet(self, *, key: bool = False, size: int = 100, maxlen: int | None = None, **values: Any) -> Packet:
        """Write the next packet. maxlen: most that are kept."""
        self.number += 1
        pts = self.number * _STEP
        jpeg = self.config.mime == "image/jpeg"
        fields: dict[str, Any] = {
            "config": self.config.number,
            "number": self.number,
            "pts": pts,
            "dts": pts,
            "duration": _STEP,
            "key": key or jpeg,
            "arrival": time.time(),
            "data": b"%d " % self.number + b"x" * size,
            "head": b"" if jpeg else b"moof",
        }
        made = Packet(**(fields | values))
        entry = self._redis.xadd(keys.packets(self.id), {packets.FIELD: packets.encode(made)}, maxlen=maxlen)
        if made.key:
            self._redis.set(keys.keyframe(self.id), entry)
        return made

    def result(
        self,
        number: int,
        *,
        class_id: int = 0,
        score: float = 0.5,
        plan: int = 1,
        found: Detections | None = None,
        **values: Any,
    ) -> LiveFrame:
        """Write the result of a packet: one object, or those that were found."""
        one = Detections(np.array([class_id]), np.array([score]), np.array([[1.0, 2.0, 3.0, 4.0]]))
        columns = results.pack(found or one)
        now = time.time()
        fields: dict[str, Any] = {
            "number": number,
            "pts": number * _STEP,
            "width": 640,
            "height": 480,
            "arrival": now - 0.02,
            "done": now,
            "plan": plan,
        }
        made = LiveFrame(**(fields | columns | values))
        self._redis.xadd(keys.results(self.id), {results.FIELD: results.encode(made)})
        return made

    def state(self, state: StreamState, **values: Any) -> None:
        """Say how it is."""
        presence.write(self._redis, self.id, IngestPresence("ingest-1", state, time.time(), **values))
        presence.write(self._redis, self.id, DetectorPresence("detector-1", fps=9.5, latency_ms=(20.0, 31.0)))


def time_ms(number: int) -> float:
    """Of a packet."""
    return round(number * 1000 / FPS, 3)
