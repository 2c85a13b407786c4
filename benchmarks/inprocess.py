"""The detector's own loop over a whole video, without the service around it."""

import resource
import time
from pathlib import Path

import av

from benchmarks.contenders import Run
from contracts.catalogue import Model
from contracts.messages import SCHEMA, Chunk, Options, Plan
from detector.base import Backend
from detector.inference import run


def whole(video: Path, model: Model, options: Options | None = None) -> Chunk:
    """All frames of a video in MP4 as one chunk."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None)
        width, height = stream.width, stream.height
    plan = Plan(model.id, model.digest(), model.engine, "auto", options or Options())
    return Chunk(SCHEMA, "bench", 0, "video", plan, "pts", 0, width, height, (None,), 0, tuple(times), None)


def once(video: Path, chunk: Chunk, backend: Backend, model: Model) -> Run:
    """The chunk through the model, in this process."""
    began, spent = time.perf_counter(), _cpu()
    with video.open("rb") as source:
        outcome = run(chunk, source, backend, model, lambda frames, seconds: None, lambda: False)
    assert not outcome.missing
    return Run(len(outcome.block), time.perf_counter() - began, _cpu() - spent, outcome.block)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
