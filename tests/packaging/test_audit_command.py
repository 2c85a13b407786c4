"""`make audit` tells what is known of the locked packages; pip-audit and npm ask a server of the tests."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.deployments.service import ROOT

pytestmark = pytest.mark.audit


class Knowing(ThreadingHTTPServer):
    """Knows of vulnerabilities, as OSV (POST /osv) and npm's registry do: of the very versions that it is given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.python: dict[str, str] = {}
        self.page: dict[str, str] = {}
        self.asked: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def of_python(self, name: str, version: str) -> object:
        self.asked.add(name)
        if self.python.get(name) != version:
            return {}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}]
        affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
        return {"vulns": [{"id": "TEST-1", "summary": "it is weak", "affected": affected}]}

    def of_page(self, packages: dict[str, list[str]]) -> object:
        self.asked |= set(packages)
        known = {name: version for name, version in self.page.items() if version in packages.get(name, ())}
        advisory = {"id": 1, "url": "", "title": "it is weak", "severity": "high", "cwe": [], "cvss": {}}
        return {name: [{**advisory, "vulnerable_versions": version}] for name, version in known.items()}

    def packument(self, name: str) -> object:
        """What the registry knows of a package: here, what is locked, and a later version."""
        locked = json.loads((ROOT / "web/package-lock.json").read_text())["packages"][f"node_modules/{name}"]
        return {
            "name": name,
            "dist-tags": {"latest": locked["version"]},
            "versions": {locked["version"]: locked, "99.1.0": {**locked, "version": "99.1.0"}},
        }


class _Answers(BaseHTTPRequestHandler):
    server: Knowing

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        if self.path == "/osv":
            self._answer(self.server.of_python(asked["package"]["name"], asked["version"]))
        else:
            self._answer(self.server.of_page(asked))

    def do_GET(self) -> None:
        self._answer(self.server.packument(unquote(self.path[1:])))

    def _answer(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No line for each request."""


@pytest.fixture
def knowing() -> Iterator[Knowing]:
    with Knowing() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    asking = {"PIP_AUDIT_OSV_URL": f"{url}/osv", "npm_config_registry": url, "npm_config_cache": str(folder / "npm")}
    asking |= {"npm_config_fetch_retries": "0", "npm_config_update_notifier": "false", "HOME": str(folder)}
    command = [sys.executable, "-m", "tools.audit", str(Path(sys.executable).parent), os.environ["AUDIT_BIN"], *options]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **asking}, capture_output=True, text=True, check=False, timeout=300
    )


def locked(lock: str) -> dict[str, str]:
    """The versions of a lock file, by name."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^ ;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_all_locked_packages_are_looked_up(knowing: Knowing, tmp_path: Path) -> None:
    done = audit(knowing.url, tmp_path)
    assert (done.returncode, done.stdout) == (0, "audit: no vulnerability is known\n"), done.stderr
    python = locked("requirements/embedded.txt") | locked("requirements/detectron2.txt")
    assert len(python) > 50
    assert set(python) - knowing.asked == set()
    page = json.loads((ROOT / "web/package.json").read_text())
    assert {*page["dependencies"], *page["devDependencies"]} - knowing.asked == set()


def test_known_vulnerabilities_are_reported_as_an_error(knowing: Knowing, tmp_path: Path) -> None:
    version = locked("requirements/embedded.txt")["sqlalchemy"]
    preact = json.loads((ROOT / "web/package.json").read_text())["dependencies"]["preact"]
    knowing.python["sqlalchemy"], knowing.page["preact"] = version, preact
    knowing.python["starlette"] = "0.0.1"  # not the one that is locked
    done = audit(knowing.url, tmp_path, "--where-possible")
    assert done.returncode == 1, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == f"sqlalchemy {version}: TEST-1 (mended in 99.1)"
    assert f"preact {preact}: high, it is weak" in rest
    assert "starlette" not in done.stdout


def test_unreachable_database_is_an_error_unless_allowed(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"
    done = audit(nobody, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("audit: nothing was checked: pip-audit: ")
    assert audit(nobody, tmp_path, "--where-possible").returncode == 0
