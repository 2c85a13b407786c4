"""The ingest's composition root: `python -m ingest.worker`. One asyncio process that reads many streams."""

from contracts.runtime import startup

startup.begin(__name__)

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress

from contracts.metrics.opened import Metrics
from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.traces.opened import export_traces
from ingest.composition import Ingest

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


async def serve(settings: Settings, stop: asyncio.Event) -> bool:
    """Run until the event is set. See Ingest.close for what is returned."""
    metrics = Metrics(settings)
    export_traces(settings, "ingest", metrics.counts)
    ingest = Ingest(settings, metrics.counts)
    end_metrics = metrics.start("ingest", ingest.readings)
    log.info("ready as %s", ingest.instance)
    try:
        while not stop.is_set():
            await ingest.tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), INTERVAL_SECONDS)
    finally:
        written = await ingest.close()
        end_metrics()
    return written


async def run(settings: Settings) -> bool:
    """Run until SIGTERM or SIGINT. See Ingest.close for what is returned."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await serve(settings, stop)


def main() -> int:
    """Entry point: 0 after an orderly stop, 1 where the storage hung at the stop, 2 for wrong settings."""
    settings = load_or_report("ingest")
    if settings is None:
        return 2
    configure(settings)
    startup.done()
    if not asyncio.run(run(settings)):
        log.error("the storage hangs: what is not written of recordings is lost")
        logging.shutdown()
        os._exit(1)  # the interpreter would wait for the threads that write
    return 0


if __name__ == "__main__":
    sys.exit(main())
