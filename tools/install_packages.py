"""Installs the packages of a lock file into an image, without what no role uses: reproducibly, and smaller.

    python tools/install_packages.py requirements/detector.txt [--keep openvino-devices]

Their bytecode does not depend on the time of the build, and is not checked at import.
"""

import argparse
import compileall
import py_compile
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# What is left out, as patterns under site-packages; `--keep NAME` keeps it.
LEFT_OUT = {
    # Descriptions of all services of Amazon. Of those, storage uses s3, and keys from a role of the cluster sts.
    "botocore-services": ["botocore/data/*/"],
    # Plugins for GPUs and NPUs from Intel, which need drivers that the image does not have.
    "openvino-devices": [
        "openvino/libs/libopenvino_intel_gpu_plugin.so",
        "openvino/libs/libopenvino_intel_npu_plugin*.so",
        "openvino/libs/cache.json",
    ],
    # Readers of formats other than ONNX and OpenVINO's own.
    "openvino-formats": [
        f"openvino/libs/libopenvino_{name}_frontend.so*"
        for name in ("tensorflow", "tensorflow_lite", "pytorch", "paddle", "jax", "gguf")
    ],
    # A second binding to the same library, for other Pythons.
    "zstandard-cffi": ["zstandard/_cffi.*.so"],
    # Pillow writes JPEG and PNG only.
    "pillow-avif": ["PIL/_avif.*.so", "pillow.libs/libavif-*.so*"],
    "build-tools": ["openvino/include/", "openvino/cmake/", "numpy/f2py/", "numpy/_core/include/", "onnx/**/*.proto"],
    "tests": ["**/tests/", "onnx/backend/test/", "sqlalchemy/testing/"],
    "sources": [f"**/*{suffix}" for suffix in (".pyi", ".pyx", ".pxd", ".a", ".h", ".hpp", ".c", ".cpp")],
}
_USED = ("botocore/data/s3", "botocore/data/sts")


def unused(packages: Path, keep: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Files and folders under site-packages that no role uses. keep: names of LEFT_OUT."""
    for name, patterns in LEFT_OUT.items():
        for pattern in patterns if name not in keep else ():
            for path in sorted(packages.glob(pattern)):
                if path.is_dir() == pattern.endswith("/") and path not in {packages / used for used in _USED}:
                    yield path


def trim(packages: Path, keep: frozenset[str] = frozenset()) -> None:
    """Remove them."""
    for path in list(unused(packages, keep)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def without_debugging(data: bytes) -> bytes:
    """A library (ELF, 64 bits, little-endian) without what lies behind its last segment: symbols and lines for
    debuggers, and the table that says where they are. What is loaded and linked stays. Anything else is returned as it
    is."""
    if data[:6] != b"\x7fELF\x02\x01":
        return data
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    end = table + size * count
    for place in range(table, end, size):
        offset, length = struct.unpack_from("<8xQ16xQ", data, place)
        end = max(end, offset + length)
    if end >= len(data):
        return data
    short = bytearray(data[:end])
    struct.pack_into("<Q", short, 40, 0)  # where the table of sections is
    struct.pack_into("<HH", short, 60, 0, 0)  # how many there are, and which has their names
    return bytes(short)


def finish(packages: Path) -> None:
    """Shorten the libraries, and compile what was installed beside pip, which the base has."""
    for path in sorted(packages.rglob("*.so*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if len(short := without_debugging(data)) < len(data):
                path.write_bytes(short)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    pip = re.compile(rf"^{re.escape(str(packages))}/pip/")
    compileall.compile_dir(packages, quiet=2, force=True, invalidation_mode=mode, rx=pip)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("requirements")
    parser.add_argument("--keep", nargs="*", default=[], choices=LEFT_OUT)
    given = parser.parse_args()
    packages = Path(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", given.requirements], check=True)
    trim(packages, frozenset(given.keep))
    finish(packages)


if __name__ == "__main__":
    main()
