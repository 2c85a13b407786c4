"""Which ingest takes a free stream. Pure."""

import math

# Ingests that have less than their part take a free stream at once. One that stays free belongs to an ingest that is
# gone, while its registration has not expired yet: so the others count on one less, and then on none.
FIRST_SECONDS = 1.0
LAST_SECONDS = 2.0


def may_take(own: int, wanted: int, ingests: int, free_seconds: float) -> bool:
    """Whether an ingest takes a stream. own: streams that it reads. wanted: streams that all are to read. ingests: how
    many are registered, itself included. free_seconds: for how long it has seen the stream free."""
    if free_seconds >= LAST_SECONDS:
        return True
    counted = ingests - 1 if free_seconds >= FIRST_SECONDS else ingests
    return own < math.ceil(wanted / max(1, counted))
