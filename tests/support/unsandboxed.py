"""What the processor has done in sandboxed child processes, done in this one: for tests of what becomes of it. Each
process costs as much as a whole such test."""

from collections.abc import Callable
from typing import BinaryIO, cast

import pytest

from contracts.errors import VideoRefused
from contracts.settings.table import Settings
from contracts.storage.port import Storage
from contracts.wire.messages import ProbeReport
from processor.jobs import probing
from processor.probe.child import Limits, inspect
from processor.recordings import filing
from processor.recordings.protocol import Report
from processor.recordings.remux import Sink, Target, remux


def use(patch: pytest.MonkeyPatch) -> None:
    """Until the end of the test."""
    patch.setattr(filing, "make_video", _make_video)
    patch.setattr(probing, "probe", _probe)


def _make_video(storage: Storage, key: str, target: BinaryIO, tick: Callable[[], object]) -> Report:
    path = f"/proc/self/fd/{target.fileno()}"
    with (
        storage.open(key) as source,
        open(path, "wb", buffering=0) as sink,
        open(path, "rb", buffering=0) as again,
    ):
        return remux(source, Target(Sink(sink), cast(BinaryIO, again)))


def _probe(
    storage: Storage, settings: Settings, key: str, fps: float | None, tick: Callable[[], object]
) -> ProbeReport:
    limits = Limits(settings.max_frame_pixels, settings.max_frames, settings.max_pixels)
    with storage.open(key) as source:
        try:
            return inspect(source, limits, fps)
        except VideoRefused as error:
            return ProbeReport(refused=error.detail)
