"""The detector's task at its edge: messages of a later release."""

from pathlib import Path
from typing import Any

import pytest

from contracts.metrics.table import CHUNKS
from contracts.metrics.totals import Totals
from contracts.models.catalogue import Catalogue
from contracts.results import chunk_codec
from contracts.wire.messages import SCHEMA_OF_RUNS, ChunkFailure
from detector import tasks
from detector.context import Services, context
from detector.decode.parent import Budget, Decoders
from detector.engine import EngineConfig
from detector.engines.loaded import Engines
from detector.metering import Meter
from tests.support.fakes import MemoryResultStore, MemoryStorage

MESSAGE: dict[str, Any] = {
    "schema": SCHEMA_OF_RUNS + 1,
    "job_id": "7e1d",
    "index": 4,
    "video_key": "videos/7e1d/content",
    "plan": {"model": "m", "model_digest": "0", "engine": "e", "precision": "auto", "options": {}},
    "clock": "pts",
    "rotation": 0,
    "width": 640,
    "height": 360,
    "seeks": [0],
    "first_frame": 0,
    "times": [0],
    "end": None,
    "lengths": [1, 1],
    "pool": "large",
}


class HandedBack(Exception):
    """In place of Celery's Retry."""


def test_chunk_of_a_later_release_is_left_to_others_for_an_hour_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryResultStore(60)
    engines, decoders = Engines(Path("none"), EngineConfig()), Decoders(Budget(1, 1))
    totals = Totals()
    services = Services(
        Catalogue(Path("none")), MemoryStorage(), store, engines, decoders, "worker-1", 15, meter=Meter(totals)
    )
    monkeypatch.setattr(context, "_value", services)
    waits: list[int] = []

    def retry(countdown: int, queue: str) -> None:
        assert queue == "detector.large"
        assert tasks.detect_chunk.request.retries == len(waits)
        waits.append(countdown)
        raise HandedBack

    monkeypatch.setattr(tasks.detect_chunk, "retry", retry)
    tasks.detect_chunk.push_request(retries=0, called_directly=False)
    try:
        for number in range(64):
            tasks.detect_chunk.request.retries = number
            with pytest.raises(HandedBack):
                tasks.detect_chunk.run(MESSAGE)
        assert waits[:7] == [2, 4, 8, 16, 32, 60, 60]
        assert 3500 < sum(waits) < 3700
        assert store.chunk_indexes("7e1d") == frozenset()
        tasks.detect_chunk.request.retries = 64
        assert tasks.detect_chunk.run(MESSAGE) == {"index": 4}
    finally:
        tasks.detect_chunk.pop_request()
    for index in (4, 5):
        failure = chunk_codec.decode(store.get_chunk("7e1d", index) or b"")
        assert isinstance(failure, ChunkFailure)
        assert "upgrade it" in failure.detail
    assert totals.rows() == [(CHUNKS.name, ("failed",), (2.0,))]
