"""What the service makes of a file: the probe in its bounded process, the plan, and the decoding of what it planned."""

import math
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import VideoRefused
from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.wire.messages import Chunk, ProbeReport, encode
from processor.probe.ask import probe
from tests.media.test_formats import chunks
from tests.support.deployments.service import ROOT

# As in processor.probe.child: address space, so that what a process can fill is less.
MEMORY_KIB = 2 * 1024**2
SECONDS = 300
_CHUNK_FRAMES = 24
_BROKE = "reading it broke the reader"
_LONGEST_REASON = 400


@dataclass
class Verdict:
    """What became of one file. fault: what must not be, None when all is well. broke: whether the bounded process
    died of it, which is allowed."""

    name: str
    report: ProbeReport
    seconds: float
    fault: str | None = None
    frames: int = 0
    planned: tuple[Chunk, ...] = field(default=(), repr=False)

    @property
    def broke(self) -> bool:
        return (self.report.refused or "").startswith(_BROKE)


def ask(name: str, content: bytes, folder: Path) -> Verdict:
    """Probe the file as the processor does, and plan a job on it."""
    key = f"videos/{uuid.uuid4()}/content"
    storage = LocalStorage(folder)
    with storage.create(key) as sink:
        sink.write(content)
    started = time.monotonic()
    report = probe(storage, Settings(storage_dir=str(folder), probe_timeout_seconds=SECONDS), key)
    verdict = Verdict(name, report, time.monotonic() - started)
    storage.delete(key)
    try:
        verdict.planned = _checked(report)
    except VideoRefused as error:
        verdict.fault = None if error.detail else "planning refused without a reason"
    except Exception as error:
        verdict.fault = f"{type(error).__name__}: {error}"
    return verdict


def ask_all(cases: Iterable[tuple[str, bytes]], folder: Path, at_once: int = 2) -> list[Verdict]:
    """The same for many, some at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda case: ask(case[0], case[1], folder), cases))


def largest_child_kib() -> int:
    """The most memory that any child of this process has had until now."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def cause_of_death(content: bytes, folder: Path) -> str:
    """What the bounded process says when it is asked alone: a signal's number, or its last line."""
    path = folder / "again"
    path.write_bytes(content)
    with path.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-c", _ALONE, str(source.fileno())],
            cwd=ROOT,
            capture_output=True,
            pass_fds=(source.fileno(),),
            timeout=SECONDS,
            check=False,
        )
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"status {done.returncode}: {lines[-1] if lines else ''}"


# The probe without its shell: whatever it raises is seen.
_ALONE = """
import os, resource, sys
from processor.probe.child import Limits, inspect
resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3,) * 2)
from contracts.errors import VideoRefused
from contracts.settings.table import Settings
own = Settings()
try:
    with os.fdopen(int(sys.argv[1]), "rb") as source:
        inspect(source, Limits(own.max_frame_pixels, own.max_frames, own.max_pixels))
except VideoRefused:
    pass
"""


def _checked(report: ProbeReport) -> tuple[Chunk, ...]:
    """The chunks of a file that was accepted. Raises AssertionError for an answer that makes no sense."""
    if report.refused is not None:
        assert report.refused, "refused without a reason"
        assert len(report.refused) <= _LONGEST_REASON, report.refused
        assert report.refused.isprintable(), report.refused
        assert report.media is None
        return ()
    media = report.media
    assert media is not None
    assert media.frames > 0
    assert min(media.width, media.height) > 0
    assert media.width * media.height <= Settings().max_frame_pixels
    assert math.isfinite(media.fps)
    assert math.isfinite(media.duration_ms)
    assert min(media.fps, media.duration_ms) >= 0, media
    assert media.damage is None or media.damage.isprintable()
    planned = chunks(report, _CHUNK_FRAMES)
    assert sum(len(chunk.times) for chunk in planned) == media.frames
    for chunk in planned:
        encode(chunk)
    return planned
