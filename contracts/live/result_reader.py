"""Reads the results of a stream as they come."""

from typing import Any

import redis

from contracts.live import keys
from contracts.live.packet_reader import split_id
from contracts.live.results import LiveFrame, read

MOST_RESULTS = 1000
_FIRST = b"0-0"


class ResultReader:
    """From the oldest result that is kept on. All methods raise RedisError."""

    def __init__(self, client: "redis.Redis", stream_id: str) -> None:
        self._redis, self._key = client, keys.results(stream_id)
        self._last = _FIRST

    def read(self) -> list[LiveFrame]:
        """The next results, at most MOST_RESULTS; none when there are no more. Those of a later release that cannot be
        read are left out."""
        frames: list[LiveFrame] = []
        while not frames:
            entries: Any = self._redis.xrange(self._key, b"(" + self._last, "+", MOST_RESULTS)
            if not entries:
                if self._is_rewound():
                    self._last = _FIRST
                break
            self._last = entries[-1][0]
            frames += [frame for _, fields in entries if (frame := read(fields)) is not None]
        return frames

    def oldest(self) -> LiveFrame | None:
        """The oldest result that is kept."""
        entries: Any = self._redis.xrange(self._key, count=1)
        return read(entries[0][1]) if entries else None

    def _is_rewound(self) -> bool:
        """Whether the results were removed and the new ones have lower ids, since the clock was set back."""
        newest: Any = self._redis.xrevrange(self._key, count=1)
        return bool(newest) and split_id(newest[0][0]) < split_id(self._last)
