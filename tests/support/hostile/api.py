"""The whole api under schemathesis: requests made from the spec, good ones and bad ones, and their answers held
against it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.deployments.service import ROOT, Service

# Streams that do not end, and what would end the session that all others use.
_LEFT_OUT = r"/v1/(jobs/\{job_id\}/)?events$|logout"


def explore(service: Service, seed: int, examples: int, seconds: int | None = None, phases: str = "") -> str:
    """What schemathesis complains of, empty for nothing. examples: of each operation; seconds: go on for so long;
    phases: those of schemathesis that are run, all if empty."""
    client = service.client()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("schemathesis"))]
        command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run"]
        command += [str(ROOT / "api/openapi.yaml")]
        command += ["--url", service.url, "--header", f"Authorization: Bearer {client.tokens['access_token']}"]
        command += ["--exclude-path-regex", _LEFT_OUT]
        command += ["--seed", str(seed), "--max-examples", str(examples), "--request-timeout", "60", "--no-color"]
        command += ["--continue-on-failure", "--generation-database", "none", "--warnings", "off"]
        command += ["--max-time", str(seconds)] if seconds else []
        command += ["--phases", phases] if phases else []
        environ = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.hostile.hooks", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
