"""What an image's packages lose, and that they still work."""

import importlib
import importlib.machinery
import importlib.util
import shutil
from pathlib import Path

import pytest

from tools.install_packages import LEFT_OUT, finish, trim, without_debugging

LIBRARY = Path(importlib.import_module("zstandard.backend_c").__file__ or "")


def some_packages(folder: Path) -> Path:
    for name in (
        "botocore/data/s3/2006/service.json",
        "botocore/data/sts/2011/service.json",
        "botocore/data/ec2/2016/service.json",
        "botocore/data/endpoints.json",
        "openvino/libs/libopenvino_intel_cpu_plugin.so",
        "openvino/libs/libopenvino_intel_gpu_plugin.so",
        "numpy/tests/test_it.py",
        "numpy/testing.py",
        "pip/own.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_no_role_uses_is_left_out_and_what_is_used_stays(tmp_path: Path) -> None:
    before = there(some_packages(tmp_path))
    trim(tmp_path)
    assert before - there(tmp_path) == {
        "botocore/data/ec2/2016/service.json",
        "openvino/libs/libopenvino_intel_gpu_plugin.so",
        "numpy/tests/test_it.py",
    }


def test_what_is_asked_for_stays(tmp_path: Path) -> None:
    before = there(some_packages(tmp_path))
    trim(tmp_path, frozenset(LEFT_OUT))
    assert there(tmp_path) == before


def test_a_library_without_symbols_is_smaller_and_does_the_same(tmp_path: Path) -> None:
    # Under its own name, which is that of its function that makes the module.
    own = tmp_path / LIBRARY.name
    shutil.copyfile(LIBRARY, own)
    some_packages(tmp_path)
    finish(tmp_path)
    assert own.stat().st_size < 0.5 * LIBRARY.stat().st_size
    name = "zstandard.backend_c"
    loader = importlib.machinery.ExtensionFileLoader(name, str(own))
    spec = importlib.util.spec_from_file_location(name, own, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    text = b"some bytes" * 100
    assert module.ZstdDecompressor().decompress(module.ZstdCompressor().compress(text)) == text


def test_bytecode_has_no_time_and_pip_is_as_it_was(tmp_path: Path) -> None:
    finish(some_packages(tmp_path))
    (made,) = (tmp_path / "numpy/__pycache__").glob("testing.*.pyc")
    assert made.read_bytes()[4:8] == b"\x01\x00\x00\x00"  # by hash, unchecked
    assert not (tmp_path / "pip/__pycache__").exists()


@pytest.mark.parametrize("data", [b"", b"INPUT(libc.so.6)", b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_library_of_this_kind_is_left_alone(data: bytes) -> None:
    assert without_debugging(data) == data
