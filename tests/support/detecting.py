"""One chunk through a model, without a task and a result store around it."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import BinaryIO

from contracts.models.catalogue import Model
from contracts.wire.messages import Chunk
from detector.decode.parent import Decoders
from detector.engine import Engine
from detector.inference import Callbacks, Inference, Outcome
from tests.support.fakes import MemoryStorage


class OneVideo(MemoryStorage):
    """A storage with one video under every key."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source

    def open(self, key: str) -> BinaryIO:
        return self._source


def run(
    chunk: Chunk,
    source: BinaryIO,
    decoders: Decoders,
    engine: Engine,
    model: Model,
    on_progress: Callable[[int, float], None] = lambda frames, seconds: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Detect objects in the frames of a chunk: see detector.inference.Inference."""
    callbacks = Callbacks(lambda _, frames, seconds: on_progress(frames, seconds), should_stop)
    with Inference(chunk, model, OneVideo(source), nullcontext(decoders)) as inference:
        [outcome] = inference.outcomes(engine, callbacks)
    return outcome
