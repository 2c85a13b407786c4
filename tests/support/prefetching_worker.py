"""A worker that asks for its next message when told to: `python -m tests.support.prefetching_worker BROKER STORE
QUEUE...`.

Its task, by the name of a detector's, takes a number. It pushes what happens to the Redis list "said", and does what it
finds in the list "do": ask, or end.
"""

import sys
import threading
from typing import Any

import redis
from celery.signals import worker_process_init

from contracts.settings.table import Settings
from contracts.wire.tasks import DETECT_CHUNK
from contracts.workers.celery_app import create_celery, run_worker, worker_options
from detector.prefetch import Line, listen, prefetch_step


def main(broker: str, store: str, *queues: str) -> int:
    """Entry point."""
    settings = Settings(broker_url=broker, result_store_url=store)
    app, line = create_celery(settings), Line()
    app.steps["consumer"].add(prefetch_step(line))
    client = redis.Redis.from_url(store, socket_timeout=None)

    def say(what: str) -> None:
        client.rpush("said", what)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _listen(**_: Any) -> None:
        arguments = (line, lambda number: say(f"next {number}"), lambda: None)
        threading.Thread(target=listen, args=arguments, daemon=True).start()

    @app.task(name=DETECT_CHUNK)  # type: ignore[untyped-decorator]
    def _detect(number: int) -> None:
        say(f"begun {number}")
        while list(client.blpop(["do"]) or ()) == [b"do", b"ask"]:
            line.ask()
        line.withdraw()
        say(f"ended {number}")

    return run_worker(app, worker_options("prefetching", queues, settings, 1))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
