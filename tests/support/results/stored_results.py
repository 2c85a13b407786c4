"""What tests put into result stores."""

import threading
from collections.abc import Callable

from contracts.results.port import ResultStore
from contracts.wire.messages import SCHEMA, FrameRange, Layout, Media, Options, Plan, ResultHeader


def layout() -> Layout:
    media = Media("mp4", "h264", 64, 48, 0, "1:1", 1000.0, 30, 30.0, False)
    plan = Plan("m", "0" * 64, "e", "auto", Options(labels=("cat",)))
    missing = (FrameRange(3, 4, "damaged"),)
    header = ResultHeader(SCHEMA, media, (1, 90_000), plan, ("cat", "dog"), False, missing)
    return Layout(header, (0, 20), (20, 10))


def fill(store: ResultStore, job: str) -> None:
    """Something of every kind."""
    store.put_layout(job, layout())
    store.put_chunk(job, 0, b"data")
    store.begin_attempt(job, 0)
    store.take_lease(job, 0, "owner", 60)
    store.set_progress(job, 0, 1, 0.1)
    store.fix_runtime(job, "fp32")
    store.request_cancel(job)


def at_once(threads: int, call: Callable[[int], object]) -> None:
    """Call from so many threads at the same time."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> None:
        barrier.wait()
        call(number)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
