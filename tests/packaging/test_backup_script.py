"""The script of docs/operate/operations.md that makes a backup every night, with a stand-in for docker."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.deployments.service import ROOT


@pytest.fixture
def script(tmp_path: Path) -> str:
    """It keeps backups in a folder of the test."""
    page = (ROOT / "docs/operate/operations.md").read_text()
    [found] = re.findall(r"```sh\n(#!/bin/sh\n.+?)```", page, re.S)
    (tmp_path / "backup").mkdir()
    return re.sub(r"cd \S+", f"cd {tmp_path}", found).replace("/backup", f"{tmp_path}/backup")


def run(script: str, folder: Path, docker: str) -> int:
    (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
    (folder / "docker").chmod(0o755)
    environ = {"PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(["/bin/sh", "-c", script], env=environ, capture_output=True, timeout=60).returncode


def test_it_keeps_a_whole_backup_that_nobody_else_reads_and_removes_old_ones(script: str, tmp_path: Path) -> None:
    old = tmp_path / "backup/web-detector-2020-01-01.tar"
    old.touch()
    subprocess.run(["touch", "-d", "30 days ago", old], check=True)
    assert run(script, tmp_path, 'echo "$@"') == 0
    [made] = (tmp_path / "backup").iterdir()
    assert made.read_text() == "compose exec -T api python -m api.operator.backup_command backup -\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_failed_one_takes_the_place_of_none(script: str, tmp_path: Path) -> None:
    assert run(script, tmp_path, "echo half; exit 1") == 1
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["unfinished"]
