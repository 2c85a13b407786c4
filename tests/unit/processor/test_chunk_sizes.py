"""Sizes of chunks: for jobs that infer every frame by the settings, for the others by nothing that anybody can set."""

from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from contracts.models.catalogue import bundled
from contracts.wire.messages import Options
from processor.jobs.planning import _chunk_sizes

MODEL = bundled("nanodet-g")


def sizes(chunk_size: int, options: Options, model: Any = MODEL) -> tuple[int, int, int]:
    services: Any = SimpleNamespace(settings=SimpleNamespace(chunk_size=chunk_size))
    return _chunk_sizes(services, model, options)


def test_the_setting_changes_no_adaptive_job() -> None:
    assert sizes(100, Options()) != sizes(300, Options())
    assert sizes(100, Options(frames="fine")) == sizes(300, Options(frames="fine")) == (240, 24, 48)


def test_a_slow_model_has_short_chunks_in_any_case() -> None:
    slow = replace(MODEL, chunk_size=30)
    assert sizes(300, Options(), slow)[0] == sizes(300, Options(frames="fine"), slow)[0] == 30
