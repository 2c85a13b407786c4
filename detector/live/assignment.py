"""Which streams this detector analyses: pure decisions. Locks make sure that no other one does too.

All live detectors do this on their own. Each takes streams up to its share, at once, and more only when nobody else has
taken them for a while. One with more than its share gives a stream back when another one asks for it.
"""

from collections.abc import Collection, Iterable
from math import ceil

from contracts.live.streams import StreamSpec

# A stream that nobody has taken for so long is taken by those too that have their share. With the time after which
# the lock of a killed one expires, it goes on within 10 s.
ORPHAN_SECONDS = 2.0


def wanted(specs: Iterable[StreamSpec], pool_of: dict[str, str], pools: Collection[str]) -> dict[str, StreamSpec]:
    """The streams that run and whose model's pool is served here, by id. pool_of: by model; an unknown model's is the
    default one, whose detectors say that it is unknown."""
    return {spec.id: spec for spec in specs if spec.wanted == "running" and pool_of.get(spec.model, "") in pools}


def share(streams: int, detectors: int) -> int:
    """Most streams for each of so many detectors."""
    return ceil(streams / max(detectors, 1))


class Waiting:
    """Since when streams have no detector, as far as this one knows."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def to_ask(self, free: Collection[str], mine: int, most: int, now: float) -> list[str]:
        """The streams to try to take, in the order in which to try. free: those that are not ours. mine: how many are.
        most: our share. now: seconds."""
        self._since = {stream_id: self._since.get(stream_id, now) for stream_id in free}
        if mine < most:
            return list(free)
        return [stream_id for stream_id, since in self._since.items() if now - since >= ORPHAN_SECONDS]

    def refused(self, stream_id: str, now: float) -> None:
        """Another detector has it."""
        self._since[stream_id] = now


def to_give(asked_for: Iterable[str], mine: int, most: int) -> str | None:
    """The stream to give back, one at a time. asked_for: those of ours that another detector tried to take."""
    return next(iter(asked_for), None) if mine > most else None
