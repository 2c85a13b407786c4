"""Makes the video of a recording in a sandboxed child process."""

import os
import sys
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from contracts.errors import StorageFull, StorageUnavailable, VideoRefused
from contracts.storage.port import Storage
from contracts.storage.range_reader import watched
from media.child_output import TooSlow, printed, require_alive, started
from media.file_handover import STORAGE_FAILED, handed
from processor.recordings.protocol import Report, Request

_FIRST_SECONDS, _BYTES_PER_SECOND = 60, 4 * 1024**2
_PATIENCE = 4  # seconds of wall time per second of CPU time
_INDEX_BYTES = 64 * 1024**2
_MOST_BYTES = 64 * 1024  # of a report
_DIED = "making a video of it broke the process that did: it is damaged, or made to do harm"


def make_video(storage: Storage, key: str, target: BinaryIO, tick: Callable[[], object]) -> Report:
    """Write the video of a recording to target, an empty file. tick: called about once a second.

    Raises NotFound, VideoRefused when none can be made, StorageUnavailable, StorageFull, ChildKilled.
    """
    size = storage.size(key)
    with storage.open(key) as source, watched(source) as reader, handed(reader) as descriptor:
        request = Request(
            source=descriptor,
            target=target.fileno(),
            cpu_seconds=_FIRST_SECONDS + size // _BYTES_PER_SECOND,
            file_bytes=2 * size + _INDEX_BYTES,
            parent=os.getpid(),
        )
        return _ask(request, tick)


def _ask(request: Request, tick: Callable[[], object]) -> Report:
    command = [sys.executable, "-m", "processor.recordings.child", msgspec.json.encode(request).decode()]
    output = bytearray()
    with started(command, [request.source, request.target]) as child:
        try:
            for piece in printed(child, _PATIENCE * request.cpu_seconds, tick):
                output += piece
                if len(output) > _MOST_BYTES:
                    raise VideoRefused(_DIED)
        except TooSlow:
            raise VideoRefused("making a video of it took longer than is allowed for its size") from None
    return _outcome(child.returncode, bytes(output))


def _outcome(status: int, output: bytes) -> Report:
    if status == STORAGE_FAILED:
        raise StorageUnavailable(output.decode(errors="replace"))
    require_alive(status)
    try:
        report = msgspec.json.decode(output, type=Report)
    except msgspec.MsgspecError:
        raise VideoRefused(_DIED) from None
    if status:
        raise VideoRefused(_DIED)
    if report.full:
        raise StorageFull("there is no room to make a video of the recording")
    if report.failed:
        raise VideoRefused(report.failed)
    return report
