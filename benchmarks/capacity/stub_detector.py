"""A detector of which only what it says to its servers is left: a Celery worker as the real one is, without a model.

Run as a module, with JSON on stdin: broker and store are URLs, ticks how often a chunk's progress is told, result what
is stored for it, in base64.
"""

import base64
import json
import sys
from typing import Any

from contracts.results.open import open_result_store
from contracts.results.port import Cost, Hold, Sign
from contracts.settings.table import Settings
from contracts.wire.runs import from_message
from contracts.wire.tasks import DETECT_CHUNK, MERGE_CHUNKS, QUEUE_DETECTOR, QUEUE_PROCESSOR
from contracts.workers.celery_app import create_celery, run_worker, worker_options


def main() -> int:
    """Entry point."""
    given = json.load(sys.stdin)
    result = base64.b64decode(given["result"])
    settings = Settings(broker_url=given["broker"], result_store_url=given["store"], database_url="")
    store = open_result_store(settings.result_store_url, settings.result_ttl_seconds)
    app = create_celery(settings)

    @app.task(name=DETECT_CHUNK)  # type: ignore[untyped-decorator]
    def detect(message: Any) -> dict[str, int]:
        """What detector.chunk_attempt says, in its order."""
        chunk = from_message(message)
        job, index = chunk.job_id, chunk.index
        assert not store.has_chunk(job, index)
        store.cancelled(job)
        store.take_lease(job, index, "stub", settings.lease_seconds)
        store.begin_attempt(job, index)
        for tick in range(given["ticks"]):
            sign = Sign(index, tick, float(tick), f"{index}:stub", Cost(float(tick), tick))
            store.report(job, Hold(index, "stub", settings.lease_seconds), sign)
        store.put_chunk(job, index, result)
        store.set_progress(job, index, len(chunk.times), 1.0)
        store.release_lease(job, index, "stub")
        return {"index": index}

    @app.task(name=MERGE_CHUNKS)  # type: ignore[untyped-decorator]
    def merge(job_id: str) -> None:
        """The end of a window of chunks."""

    options = worker_options("stub", [QUEUE_DETECTOR, QUEUE_PROCESSOR], settings, concurrency=1)
    return run_worker(app, {**options, "pool": "solo", "loglevel": "warning"})


if __name__ == "__main__":
    sys.exit(main())
