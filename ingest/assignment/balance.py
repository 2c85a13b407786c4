"""Which ingest takes a free stream, and which gives one up. Pure."""

import math
from collections.abc import Iterable

# Ingests that have less than their part take a free stream at once. One that stays free belongs to an ingest that is
# gone, while its registration has not expired yet: so the others count on one less, and then on none.
FIRST_SECONDS = 1.0
LAST_SECONDS = 2.0
# An ingest that has come gets its part of the running streams when it has stayed for so long.
SETTLED_SECONDS = 30.0


def may_take(own: int, wanted: int, ingests: int, free_seconds: float) -> bool:
    """Whether an ingest takes a stream. own: streams that it reads. wanted: streams that all are to read. ingests: how
    many are registered, itself included. free_seconds: for how long it has seen the stream free."""
    if free_seconds >= LAST_SECONDS:
        return True
    counted = ingests - 1 if free_seconds >= FIRST_SECONDS else ingests
    return own < math.ceil(wanted / max(1, counted))


class Newcomers:
    """When streams are given up for ingests that have come: once for each of them, so that none goes to and fro."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None
        self._since: float | None = None

    def surplus(self, ingests: Iterable[str], own: int, wanted: int, now: float) -> int:
        """How many streams an ingest gives up now. ingests: names of the registered ones. own, wanted: see `may_take`.
        now: monotonic seconds."""
        names = frozenset(ingests)
        if self._known is not None and names - self._known:
            self._since = now
        self._known = names
        if self._since is None or now - self._since < SETTLED_SECONDS:
            return 0
        self._since = None
        return max(0, own - math.ceil(wanted / max(1, len(names))))
