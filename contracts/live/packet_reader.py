"""Reads the packets of a stream (contracts.live.packets) from its newest keyframe on.

`PacketReader` is the synchronous one, of the detector. The functions are pure and serve the api's asynchronous one too.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import redis

from contracts.live import keys
from contracts.live.packets import FIELD, CodecConfig, Packet, decode_config, decode_packet

# Of one answer: few, so that a reader that is slow notices soon that it is behind.
MOST_ENTRIES = 16
# A reader that is so far behind the newest keyframe goes on there.
MOST_LAG_MS = 1000
_LAST_OF_A_MILLISECOND = 2**64 - 1

Entry = tuple[bytes, Packet]


def start_after(keyframe: bytes | None) -> bytes:
    """The id after which a reader begins, so that the first entry that it gets is the newest keyframe.

    keyframe: what is under `keys.keyframe`; None: with the oldest entry, and then it waits for a keyframe.
    """
    if keyframe is None:
        return b"0-0"
    moment, place = split_id(keyframe)
    return b"%d-%d" % ((moment, place - 1) if place else (max(moment - 1, 0), _LAST_OF_A_MILLISECOND))


def split_id(entry_id: bytes) -> tuple[int, int]:
    """Of the entry: milliseconds of Redis' clock, and its place among those of the same one."""
    moment, _, place = entry_id.partition(b"-")
    return int(moment), int(place or 0)


def is_late(position: bytes, keyframe: bytes | None) -> bool:
    """Whether a reader at that entry had better go on at the newest keyframe."""
    return keyframe is not None and split_id(keyframe)[0] - split_id(position)[0] >= MOST_LAG_MS


def entries_of(answer: Any) -> tuple[list[Entry], bytes | None]:
    """Ids and packets in an answer to XREAD for one stream, and the id to read on after, None for an empty answer.

    Entries of a later release that cannot be read are left out.
    """
    parts: Sequence[Any] = list(answer.values()) if isinstance(answer, dict) else [part[1] for part in answer or ()]
    found: list[Entry] = []
    last: bytes | None = None
    for last, fields in (entry for part in parts for entry in part):
        try:
            found.append((last, decode_packet(fields[FIELD])))
        except (msgspec.DecodeError, KeyError):
            continue
    return found, last


class PacketReader:
    """The packets of one stream. All methods raise RedisError.

    position: id of the entry that was read last. newest: that of the newest one when reading began or was caught up:
    entries before it are only there to be decoded.
    """

    def __init__(self, client: "redis.Redis", stream_id: str) -> None:
        """client: its socket_timeout must be longer than a read waits."""
        self._redis = client
        self._id = stream_id
        self.position: bytes | None = None
        self.newest = b"0-0"

    @property
    def has_begun(self) -> bool:
        """Whether packets from now on are read as they come, from whichever thread it is asked."""
        return self.position is not None

    def read(self, wait_ms: int) -> list[Entry]:
        """The next entries, in decoding order; empty when none came in time. wait_ms: at least 1."""
        if self.position is None:
            self._begin_after(self._keyframe())
        position = self.position or b"0-0"
        answer = self._redis.xread({keys.packets(self._id): position}, count=MOST_ENTRIES, block=wait_ms)
        entries, last = entries_of(answer)
        if last is not None:
            self.position = last
        elif self._is_rewound(position):
            self.position = None
        return entries

    def restart(self) -> None:
        """Begin anew with the newest keyframe, as after a new start of the stream."""
        self.position = None

    def catch_up(self) -> bool:
        """Go on at the newest keyframe, if that is much later than the entry read last; whether it did."""
        keyframe = self._keyframe()
        if self.position is None or keyframe is None or not is_late(self.position, keyframe):
            return False
        self._begin_after(keyframe)
        return True

    def is_old(self, entry_id: bytes) -> bool:
        """Whether there were newer packets when reading began."""
        return split_id(entry_id) < split_id(self.newest)

    def config(self, number: int) -> CodecConfig | None:
        """A codec configuration; None where it is gone, or of a later release."""
        data: Any = self._redis.hget(keys.configs(self._id), str(number))
        try:
            return None if data is None else decode_config(data)
        except msgspec.DecodeError:
            return None

    def _is_rewound(self, position: bytes) -> bool:
        """Whether the packets were removed and the new ones have lower ids, since the clock was set back."""
        newest = self._newest()
        return newest is not None and split_id(newest) < split_id(position)

    def _begin_after(self, keyframe: bytes | None) -> None:
        self.newest = self._newest() or b"0-0"  # first: who sees has_begun may send
        self.position = start_after(keyframe)

    def _newest(self) -> bytes | None:
        found: Any = self._redis.xrevrange(keys.packets(self._id), count=1)
        return found[0][0] if found else None

    def _keyframe(self) -> bytes | None:
        found: bytes | None = self._redis.get(keys.keyframe(self._id))  # type: ignore[assignment]
        return found
