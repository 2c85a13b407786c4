"""The health check of a worker: its file, and a worker that touches it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.workers import heartbeat
from tests.support.deployments.service import ROOT

NOW = 1_700_000_000.0


def check(path: object, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *options, "-m", "contracts.workers.heartbeat"]
    return subprocess.run(
        command, cwd=ROOT, env={"HEARTBEAT_FILE": str(path)}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(("age", "well"), [(0, True), (29, True), (31, False), (-60, True)])
def test_worker_with_a_fresh_heartbeat_file_is_healthy(tmp_path: Path, age: float, well: bool) -> None:
    path = str(tmp_path / "heartbeat")
    heartbeat.beat(path)
    os.utime(path, (NOW - age, NOW - age))
    assert (heartbeat.problem(path, NOW) == "") is well
    heartbeat.beat(path)
    assert heartbeat.problem(path, time.time()) == ""


def test_stopped_worker_is_unhealthy(tmp_path: Path) -> None:
    path = str(tmp_path / "heartbeat")
    heartbeat.beat(path)
    heartbeat.end(path)
    heartbeat.end(path)
    assert heartbeat.problem(path, NOW) == f"{path} does not exist: the worker does not consume"
    assert heartbeat.problem("", NOW) == "HEARTBEAT_FILE is not set"


def test_the_check_says_why_and_imports_no_library(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    assert (check(path).returncode, "does not exist" in check(path).stderr) == (1, True)
    heartbeat.beat(str(path))
    done = check(path, "-X", "importtime")
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "contracts" in imported
    assert not imported & {"celery", "kombu", "redis", "numpy", "msgspec", "openvino", "av", "sqlalchemy"}
