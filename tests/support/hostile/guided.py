"""The fuzzer of tests.support.hostile.readers as a process, and the good inputs that it starts from."""

import base64
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np

from contracts.results.codec import Block, Detections, decompress, encode_block, mask_column, pack
from contracts.wire.messages import SCHEMA, ChunkFailure, Media, ResultHeader, encode
from tests.support.deployments.service import ROOT
from tests.support.videos.clips import plan

TARGETS = ("codec", "chunk", "file", "headers")


def corpus(target: str, folder: Path) -> Path:
    """A folder with some good inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(_good(target)):
        (folder / f"good-{number}").write_bytes(content)
    return folder


def fuzz(target: str, folder: Path, *, seed: int, runs: int = 0, seconds: int = 0) -> str:
    """Run it so often or so long; what it found, with the input that shows it, empty for nothing."""
    options = [
        f"-seed={seed}",
        "-max_len=4096",
        "-timeout=20",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={folder}/found-",
    ]
    options += [f"-runs={runs}"] if runs else []
    options += [f"-max_total_time={seconds}"] if seconds else []
    command = [
        sys.executable,
        "-m",
        "tests.support.hostile.readers",
        target,
        *options,
        str(corpus(target, folder / target)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 0:
        return ""
    found = [f"{path.name}: {path.read_bytes()!r}" for path in folder.glob("found-*")]
    return "\n".join([done.stderr.decode(errors="replace")[-4000:], *found])


def block() -> Block:
    """Three frames with two objects, none and one."""
    return pack(7, [0, 40, 80], [_objects(2), _objects(0), _objects(1)])


def header() -> ResultHeader:
    """That of a result of a small film."""
    media = Media("mp4", "h264", 64, 64, 0, "1:1", 120.0, 3, 25.0, variable_fps=False)
    return ResultHeader(SCHEMA, media, (1, 1000), plan(), ("thing",), complete=True)


def _good(target: str) -> list[bytes]:
    inside = decompress(encode_block(block()))
    if target == "codec":
        masked = pack(0, [0], [Detections(*_columns(2), mask=mask_column([b"01", b"2"]))])
        return [inside, decompress(encode_block(masked))]
    if target == "chunk":
        return [b"F" + inside, b"E" + encode(ChunkFailure("timeout", "too long")), b"F"]
    if target == "file":
        index = msgspec.msgpack.encode({"header_size": 30, "starts": [7], "offsets": [38, 200]})
        return [len(b"x").to_bytes(2, "big") + len(index).to_bytes(2, "big") + b"x" + index + encode_block(block())]
    checksum = b"sha1 " + base64.b64encode(b"0" * 20)
    return [b"0", b"123456789012345678", b"1.0.0", checksum, b"filename YS5tcDQ=,tags YSxi", b"name"]


def _columns(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    return np.arange(count), np.linspace(0.9, 0.5, count), np.full((count, 4), 3.25)


def _objects(count: int) -> Detections:
    return Detections(*_columns(count))
