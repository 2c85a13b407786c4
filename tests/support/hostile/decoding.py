"""Decodes a file as a detector does, under the limits of the probe.

`python -m tests.support.hostile.decoding FILE` prints how many frames were planned and how many came.
"""

import resource
import subprocess
import sys
from pathlib import Path

import msgspec

from contracts.errors import DecodeFailed
from contracts.storage.range_reader import watched
from contracts.wire.messages import Chunk
from detector.decode.frames import ToImage, decode
from detector.view import whole
from media.orientation import orientation_of
from tests.support.deployments.service import ROOT

_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS = 120
_SEEN = (64, 64)


def decoded(content: bytes, planned: tuple[Chunk, ...], folder: Path) -> str:
    """What came of it: "COME of PLANNED", or how the process died, and its last line."""
    path = folder / "content"
    path.write_bytes(content)
    path.with_suffix(".plan").write_bytes(msgspec.msgpack.encode(planned))
    command = [sys.executable, "-m", "tests.support.hostile.decoding", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=900)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return f"died with {done.returncode}: {lines[-1] if lines else ''}"
    return done.stdout.decode().strip()


def main(path: Path) -> None:
    """Read the plan, then all of its chunks."""
    for what, value in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_CPU, _CPU_SECONDS)):
        resource.setrlimit(what, (value, value))
    planned = msgspec.msgpack.decode(path.with_suffix(".plan").read_bytes(), type=tuple[Chunk, ...])
    came = 0
    for chunk in planned:
        to_image = ToImage(orientation_of(chunk), whole(_SEEN), "BGR")
        with path.open("rb") as source, watched(source) as reader:
            try:
                for place, frame in decode(reader, chunk):
                    assert place < len(chunk.times)
                    assert to_image(frame).shape == (*_SEEN, 3)
                    came += 1
            except DecodeFailed:
                continue
    print(f"{came} of {sum(len(chunk.times) for chunk in planned)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
