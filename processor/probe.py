"""Asks a bounded process what a stored file is, and never dies of the answer."""

import subprocess
import sys

import msgspec

from contracts.messages import ProbeReport, decode
from contracts.settings import Settings


def probe(settings: Settings, key: str) -> ProbeReport:
    """The report on a stored object; a process that fails or takes too long means "refused"."""
    command = [
        sys.executable,
        "-m",
        "processor.inspect",
        settings.storage_path,
        key,
        str(settings.max_frame_pixels),
        str(settings.max_frames),
        str(settings.probe_timeout_seconds),
    ]
    try:
        # Standard error is left alone: what the libraries print there is for the log.
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=settings.probe_timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        limit = settings.probe_timeout_seconds
        return ProbeReport(refused=f"reading its index took longer than {limit} s: it may be damaged")
    if done.returncode != 0:
        return ProbeReport(refused="reading it broke the reader: it is damaged, or made to do harm")
    try:
        return decode(done.stdout, ProbeReport)
    except msgspec.DecodeError:
        return ProbeReport(refused="reading it gave nothing that makes sense: it is damaged")
