"""The detector's own loop over a whole video, without the service around it."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import psutil

from benchmarks.contenders import Run
from contracts.models.catalogue import Model
from contracts.wire.messages import SCHEMA, Chunk, Options, Plan, Stretch
from detector.decode.parent import Budget, Decoders
from detector.engine import Engine
from tests.support.detecting import run


def whole(video: Path, model: Model, options: Options | None = None) -> Chunk:
    """All frames of a video in MP4 as one chunk."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        times = [packet.pts or 0 for packet in container.demux(stream) if packet.size]
        width, height = stream.width, stream.height
    packets = sorted(range(len(times)), key=times.__getitem__)
    plan = Plan(model.id, model.digest(), model.engine, "auto", options or Options())
    stretch = Stretch(0, (None,), len(times) - 1)
    return Chunk(
        schema=SCHEMA,
        job_id="bench",
        index=0,
        video_key="video",
        plan=plan,
        clock="pts",
        rotation=0,
        width=width,
        height=height,
        seeks=(None,),
        first_frame=0,
        times=tuple(sorted(times)),
        end=None,
        packets=tuple(packets),
        stretches=(stretch,),
    )


def once(video: Path, chunk: Chunk, decoders: Decoders, engine: Engine, model: Model) -> Run:
    """The chunk through the model, in this process."""
    began, spent = time.perf_counter(), cpu()
    with video.open("rb") as source:
        outcome = run(chunk, source, decoders, engine, model, lambda frames, seconds: None, lambda: False)
    assert not outcome.missing
    return Run(len(outcome.block), time.perf_counter() - began, cpu() - spent, outcome.block)


@contextmanager
def fork_server() -> Iterator[Decoders]:
    """What decodes, for videos of any size."""
    decoders = Decoders(Budget(10**9, 10**15))
    decoders.start()
    try:
        yield decoders
    finally:
        decoders.close()


def cpu() -> float:
    """Seconds of processor time, of this process and of the decoders that have ended."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    nurseries = (
        child.cpu_times() for child in psutil.Process().children() if "detector.decode.fork_server" in child.cmdline()
    )
    return used.ru_utime + used.ru_stime + sum(times.children_user + times.children_system for times in nurseries)
