"""Demuxes one source in a sandbox. Runs as a process of its own.

    python -m ingest.sources.demux.child LINE PARENT FORMAT
    python -m ingest.sources.demux.child LINE PARENT stored DESCRIPTOR

LINE is the descriptor of a socket, on which ingest.sources.demux.messages are sent. A live source's bytes come on it,
too, and FORMAT is their demuxer; a stored video is read from DESCRIPTOR, which the parent handed over, and looped. The
parent's process number is PARENT. A hostile source can only end this process: see media.sandbox.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

from contracts.errors import StorageUnavailable
from contracts.live.streams import Reason
from ingest.sources.demux.messages import Ended, Item, Ready, encode
from ingest.sources.port import SourceFailed
from media import sandbox

STORED = "stored"
_MEMORY_BYTES = 1024**3
_CPU_SECONDS = 2**30  # a camera is read for years; the parent ends what hangs


def _items(line: socket.socket, kind: str, rest: list[str]) -> Iterator[Item]:
    """Imports what the kind needs, which a stored video alone needs much of."""
    if kind == STORED:
        from ingest.sources.demux.stored import stored

        return stored(int(rest[0]))
    from ingest.sources.demux.live import live

    return live(line, kind)


def main(arguments: list[str]) -> int:
    """Entry point of the sandboxed process."""
    descriptor, parent, kind, *rest = arguments
    with socket.socket(fileno=int(descriptor)) as line, suppress(BrokenPipeError, ConnectionResetError):
        items = _items(line, kind, rest)
        sandbox.enter(sandbox.Bounds(_MEMORY_BYTES, _CPU_SECONDS), int(parent))
        line.sendall(encode(Ready()))
        try:
            for item in items:
                line.sendall(encode(item))
        except SourceFailed as error:
            end = Ended(error.reason, error.detail, error.permanent)
        except MemoryError:
            end = Ended(Reason.SOURCE_BROKEN, "reading the source takes more memory than is allowed")
        except StorageUnavailable as error:
            end = Ended(Reason.UNREACHABLE, error.detail)
        line.sendall(encode(end))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
