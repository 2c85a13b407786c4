"""Runs the probe of a stored file in a sandboxed child process."""

import os
import subprocess
import sys

import msgspec

from contracts.errors import NotFound, StorageUnavailable
from contracts.settings.table import Settings
from contracts.storage.port import Storage
from contracts.storage.range_reader import watched
from contracts.wire.messages import ProbeReport, decode
from media.child_environment import environment
from media.file_handover import STORAGE_FAILED, handed


def probe(storage: Storage, settings: Settings, key: str, fps: float | None = None) -> ProbeReport:
    """Probe a stored object. If the process fails or times out, the report says "refused".

    fps: rate of an elementary stream, as the client said it.
    Raises StorageUnavailable, which says nothing about the object.
    """
    try:
        with storage.open(key) as source, watched(source) as reader, handed(reader) as descriptor:
            return _ask(descriptor, settings, fps)
    except NotFound:
        return ProbeReport(refused="the file is no longer there")


def _ask(descriptor: int, settings: Settings, fps: float | None) -> ProbeReport:
    limits = (settings.max_frame_pixels, settings.max_frames, settings.max_pixels, settings.probe_timeout_seconds)
    arguments = map(str, (descriptor, *limits, "" if fps is None else fps, os.getpid()))
    command = [sys.executable, "-m", "processor.probe.child", *arguments]
    try:
        # Standard error is inherited: messages of the libraries go to the log.
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=environment(),
            pass_fds=(descriptor,),
            timeout=settings.probe_timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        limit = settings.probe_timeout_seconds
        return ProbeReport(refused=f"reading its index took longer than {limit} s: it may be damaged")
    if done.returncode == STORAGE_FAILED:
        raise StorageUnavailable(done.stdout.decode(errors="replace"))
    if done.returncode != 0:
        return ProbeReport(refused="reading it broke the reader: it is damaged, or made to do harm")
    try:
        return decode(done.stdout, ProbeReport)
    except msgspec.DecodeError:
        return ProbeReport(refused="reading it gave nothing that makes sense: it is damaged")
