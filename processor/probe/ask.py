"""Runs the probe of a stored file in a sandboxed child process."""

import os
import sys
from collections.abc import Callable

import msgspec

from contracts.errors import NotFound, StorageUnavailable, UnsupportedSchema
from contracts.settings.table import Settings
from contracts.storage.port import Storage
from contracts.storage.range_reader import watched
from contracts.wire.messages import ProbeReport, decode
from media.child_output import TooSlow, printed, require_alive, started
from media.file_handover import STORAGE_FAILED, handed

# A report holds the index, with some numbers for each frame; an intra-only video has a location for each, too.
_BYTES_PER_FRAME = 128
_FIRST_BYTES = 1024 * 1024
_DETAIL_BYTES = 1000


def probe(
    storage: Storage,
    settings: Settings,
    key: str,
    fps: float | None = None,
    tick: Callable[[], object] = lambda: None,
) -> ProbeReport:
    """Probe a stored object. If the process fails, times out or prints too much, the report says "refused".

    fps: rate of an elementary stream, as the client said it. tick: called about once a second meanwhile.
    Raises StorageUnavailable and ChildKilled, which say nothing about the object.
    """
    try:
        with storage.open(key) as source, watched(source) as reader, handed(reader) as descriptor:
            return _ask(descriptor, settings, fps, storage.size(key), tick)
    except NotFound:
        return ProbeReport(refused="the file is no longer there")


def _ask(descriptor: int, settings: Settings, fps: float | None, size: int, tick: Callable[[], object]) -> ProbeReport:
    seconds = settings.probe_timeout_seconds
    limits = (settings.max_frame_pixels, settings.max_frames, settings.max_pixels, seconds)
    arguments = map(str, (descriptor, *limits, "" if fps is None else fps, os.getpid()))
    command = [sys.executable, "-m", "processor.probe.child", *arguments]
    most = _FIRST_BYTES + _BYTES_PER_FRAME * min(settings.max_frames, size)
    output = bytearray()
    with started(command, [descriptor]) as child:
        try:
            for piece in printed(child, seconds, tick):
                output += piece
                if len(output) > most:
                    return ProbeReport(refused="reading it gives more than a video of its size has: it is damaged")
        except TooSlow:
            return ProbeReport(refused=f"reading its index took longer than {seconds} s: it may be damaged")
    return _report(child.returncode, output)


def _report(status: int, output: bytearray) -> ProbeReport:
    if status == STORAGE_FAILED:
        raise StorageUnavailable(output[:_DETAIL_BYTES].decode(errors="replace"))
    require_alive(status)
    if status != 0:
        return ProbeReport(refused="reading it broke the reader: it is damaged, or made to do harm")
    try:
        return decode(output, ProbeReport)
    except (msgspec.DecodeError, UnsupportedSchema):
        return ProbeReport(refused="reading it gave nothing that makes sense: it is damaged")
