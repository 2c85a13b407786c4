"""A real Prometheus, also with the project's own rules."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
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


class Server:
    """A Prometheus for the length of a context. command: it, its configuration and more options."""

    def __init__(self, folder: Path, *command: str | Path, **environ: str) -> None:
        self._folder, self._command, self._environ = folder, command, environ
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        options = [f"--storage.tsdb.path={self._folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}"]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._server = subprocess.Popen(
                [*self._command, *options], stdout=log, stderr=log, env={**os.environ, **self._environ}
            )
        until(self._answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()
        self._server.wait(60)

    def values(self, expression: str) -> list[float]:
        """Those of the series that an expression has now."""
        return [float(one["value"][1]) for one in self._ask("query", query=expression)["result"]]

    def series(self, expression: str) -> int:
        """How many series an expression has now."""
        return len(self.values(expression))

    def rules(self) -> dict[str, str]:
        """Health of each alert's rule by its name: ok, unknown (not evaluated yet) or err."""
        return {rule["name"]: rule["health"] for group in self._ask("rules")["groups"] for rule in group["rules"]}

    def _ask(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            return bool(self._ask("query", query="vector(1)")["result"])
        except OSError:
            return False


class Prometheus(Server):
    """One with the project's rules and jobs. ports: what it scrapes, every second, by job."""

    def __init__(self, folder: Path, ports: Mapping[str, Sequence[int]]) -> None:
        content = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
        content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        content["rule_files"] = [str(MONITORING / "rules.yaml")]
        del content["alerting"]
        jobs = {job["job_name"]: job for job in content["scrape_configs"]}
        content["scrape_configs"] = [_scraping(jobs[name], found) for name, found in ports.items()]
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(content))
        super().__init__(folder, "prometheus", f"--config.file={config}")


def _scraping(job: dict[str, Any], ports: Sequence[int]) -> dict[str, Any]:
    """The job with ports of this machine in place of names."""
    kept = {name: value for name, value in job.items() if name != "dns_sd_configs"}
    return {**kept, "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
