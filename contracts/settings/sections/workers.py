"""Concurrency and health of workers."""

from dataclasses import dataclass
from typing import Annotated

from contracts.settings.fields import WORKERS, meta


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    processor_concurrency: Annotated[int, meta("Concurrent tasks per processor.", ("processor",), ge=1)] = 2
    processor_autoscale: Annotated[
        int,
        meta(
            "Maximum concurrent tasks per processor when many wait; 0 means always PROCESSOR_CONCURRENCY.",
            ("processor",),
            ge=0,
        ),
    ] = 0
    heartbeat_file: Annotated[
        str,
        meta(
            "File that a worker touches while it consumes, for health checks; empty means none.", (*WORKERS, "ingest")
        ),
    ] = ""
