"""`web-detector` as an operator starts it."""

import os
import subprocess
import sys
from collections.abc import Mapping

from tests.support.deployments.service import ROOT


def command(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with nothing else in its environment, to its end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=180,
    )
