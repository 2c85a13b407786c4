"""The metrics of an api process while it serves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from api.readiness import Readiness
from api.watch.service_watch import ServiceWatch
from contracts.metrics.opened import Metrics

_FLUSH_SECONDS = 1.0
_ANSWER_SECONDS = 5.0


@asynccontextmanager
async def answering_scrapes(metrics: Metrics, watch: ServiceWatch, readiness: Readiness) -> AsyncIterator[None]:
    """Answer scrapes, or pass on what is counted to the process that does: the first one that has the port."""
    loop = asyncio.get_running_loop()

    def servers() -> dict[str, bool]:
        report = asyncio.run_coroutine_threadsafe(readiness.report(), loop).result(_ANSWER_SECONDS)
        return {name: state == "ok" for name, state in report["checks"].items()}

    watch.servers = servers
    end = metrics.start("api", watch.readings)
    flushing = asyncio.create_task(_flush(metrics))
    try:
        yield
    finally:
        end()
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing


async def _flush(metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        metrics.counts.flush()
