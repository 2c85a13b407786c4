"""What only an operator does to users, for tests: by the command, on a service's own tables."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.deployments.service import ROOT, Client, Service


def manage(
    *arguments: str, database: str = "", data: Path | None = None, typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    """`web-detector`, with the database or the DATA_DIR that it is about; typed: what is piped in."""
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": database, "DATA_DIR": str(data or "")}
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, input=typed, capture_output=True, text=True, timeout=120)


def make_admin(service: Service, client: Client) -> Client:
    """The client's user becomes an administrator."""
    ended = manage("admin", client.username, database=service.settings().database_url)
    assert ended.returncode == 0, ended.stderr
    return client
