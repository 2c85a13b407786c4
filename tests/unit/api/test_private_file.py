"""Backups and secrets on disk: private, and whole or as they were before."""

import stat
from pathlib import Path

import pytest

from api.operator.private_file import private_file


def test_file_is_replaced_when_complete_and_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with private_file(path) as sink:
        sink.write(b"new")
        assert path.read_bytes() == b"old"
        assert {stat.S_IMODE(part.stat().st_mode) for part in tmp_path.iterdir() if part != path} == {0o600}
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_there_is_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_bytes(b"old")

    def fail() -> None:
        with private_file(path) as sink:
            sink.write(b"ne")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_links_of_other_users_receive_nothing(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"")
    path = tmp_path / "backup.tar"
    for name in (path.name, f".{path.name}.part"):
        (tmp_path / name).symlink_to(theirs)
    with private_file(path) as sink:
        sink.write(b"secret")
    assert theirs.read_bytes() == b""
    assert (path.is_symlink(), path.read_bytes()) == (False, b"secret")
