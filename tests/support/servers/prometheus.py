"""A real Prometheus with the project's own rules, which scrapes a service of embedded mode."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.support.deployments.service import ROOT, free_port
from tests.support.waiting import until

MONITORING = ROOT / "deploy/monitoring"


def is_installed() -> bool:
    """Whether Debian's package is there."""
    return shutil.which("prometheus") is not None


class Prometheus:
    """A server for the length of a context. ports: what it scrapes, every second."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self._folder, self._ports = folder, ports

    def __enter__(self) -> Self:
        content = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
        content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        content["rule_files"] = [str(MONITORING / "rules.yaml")]
        [job] = [job for job in content["scrape_configs"] if job["job_name"] == "web-detector"]
        content["scrape_configs"] = [job]
        del content["alerting"], job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in self._ports]}]
        config = self._folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(content))
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/api/v1"
        arguments = [f"--config.file={config}", f"--storage.tsdb.path={self._folder / 'data'}"]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._server = subprocess.Popen(
                ["prometheus", *arguments, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
            )
        until(self._answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()
        self._server.wait(60)

    def series(self, expression: str) -> int:
        """How many series an expression has now."""
        return len(self._ask("query", query=expression)["result"])

    def rules(self) -> dict[str, str]:
        """Health of each alert's rule by its name: ok, unknown (not evaluated yet) or err."""
        return {rule["name"]: rule["health"] for group in self._ask("rules")["groups"] for rule in group["rules"]}

    def _ask(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self._url}/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            return bool(self._ask("query", query="vector(1)")["result"])
        except OSError:
            return False
