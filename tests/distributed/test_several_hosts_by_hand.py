"""The guide of docs/deploy.md to several hosts without containers, word by word in network namespaces.

Its blocks are run by bash, each on its host, but for the lines that make the environment: there is no way to a registry
from these hosts, and the tests' own has the packages of the same lock files.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from contracts.storage.port import result_key
from tests.support.deployments.guide import INFERENCE_HOSTS, QUICK, blocks, hosts, servers
from tests.support.deployments.service import ROOT, Client
from tests.support.processes import still_there
from tests.support.waiting import until

pytestmark = [pytest.mark.distributed, pytest.mark.long]

URL = "http://127.0.0.1:8080"
# What a process manager would do at the end.
MANAGED = "trap 'kill $(jobs -p); wait; exit 0' TERM"


def commands(section: str) -> str:
    """Those of a section, without those that install packages."""
    lines = "".join(blocks(section)[:2]).splitlines(keepends=True)
    kept = [line for line in lines if not re.match(r"python3 -m venv |env/bin/pip ", line)]
    assert len(kept) < len(lines)
    return "".join(kept)


def clone(folder: Path) -> Path:
    """What a clone of the repository has, with an environment."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.is_dir() and not path.name.startswith(".") and path.name not in ("tests", "data"):
            (folder / path.name).symlink_to(path)
    (folder / "env").symlink_to(sys.prefix)
    return folder


@contextmanager
def running(inside: list[str], script: str, folder: Path) -> Iterator[None]:
    """Run a script that does not end by itself, in a folder, until the context does."""
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), **QUICK}
    command = ["setpriv", "--pdeathsig", "TERM", *inside, "bash", "-ec", script]
    with (folder / "log").open("wb") as log:
        shell = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        yield
        assert shell.poll() is None, "it ended by itself"
    finally:
        started = psutil.Process(shell.pid).children(recursive=True) if shell.poll() is None else []
        shell.terminate()
        status = shell.wait(60)
        left = still_there(started, 60)
        for one in left:
            one.kill()
        print((folder / "log").read_text())  # shown where the test fails
    assert (status, left) == (0, [])


def detectors() -> int:
    """How many there are, once the api answers."""
    try:
        answer = httpx.get(f"{URL}/readyz", timeout=30)
    except httpx.TransportError:
        return -1
    return int(answer.json()["workers"]["detector"]) if answer.status_code == 200 else -1


def test_the_commands_of_the_guide_process_a_job(expected: bytes, sample: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "web-detector/storage").mkdir(parents=True)
    mount = f"mount --bind {shared} /mnt && mount -o remount,bind,ro /mnt && mount -t tmpfs none {shared}"
    serve = f"{MANAGED}\n{commands('The central host')}\nwait"
    detect = commands("An inference host")
    one, other = INFERENCE_HOSTS
    with (
        hosts() as lan,
        servers(lan),
        running(lan.inside("central", f"mount --bind {shared} /srv"), serve, clone(tmp_path / "central")),
        running(lan.inside(one, mount), detect, clone(tmp_path / one)),
        running(lan.inside(other, mount), detect, clone(tmp_path / other)),
    ):
        until(lambda: detectors() == len(INFERENCE_HOSTS), 300)
        job = Client(URL).register("guide").detect(sample)
        assert job["state"] == "succeeded"
        found = shared / "web-detector/storage" / result_key(job["video_id"], job["id"])
        assert found.read_bytes() == expected
