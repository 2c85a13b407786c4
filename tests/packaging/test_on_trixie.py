"""tools/test-on-trixie without Debian 13: what it would install is what the base of the images and the tests need."""

import os
import re
import subprocess
from pathlib import Path

from tests.support.deployments.compose import dockerfile
from tests.support.deployments.service import ROOT

SCRIPT = ROOT / "tools/test-on-trixie"


def test_it_is_the_suite_of_the_images(tmp_path: Path) -> None:
    """debootstrap is a stand-in that tells what it is asked for, and fails."""
    debootstrap = tmp_path / "debootstrap"
    debootstrap.write_text('#!/bin/sh\necho "$@" >&2\nexit 1\n')
    debootstrap.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([SCRIPT, tmp_path / "root"], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    base = dockerfile("api")["FROM"]
    assert f" {base.rpartition('-')[2]} " in done.stderr
    [included] = re.findall(r"--include=(\S+)", done.stderr)
    listed = re.findall(r"^packages=\((.*)\)", (ROOT / "tools/install-debian-packages").read_text(), re.M)
    assert set(included.split(",")) - {"ca-certificates"} <= set(listed[0].split())
    assert (ROOT / "requirements/all.txt").is_file()
