"""Which alerts Debian's Alertmanager tells of, by the configuration of deploy/monitoring."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from contracts.workers.registration import WORKERS
from tests.support.deployments.service import ROOT, free_port
from tests.support.scraping import tool
from tests.support.servers.webhook_receiver import Receiver
from tests.support.waiting import until

FOLDER = ROOT / "deploy/monitoring"


def test_inhibited_alerts_are_those_of_the_rules() -> None:
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    known = {"alertname": {rule["alert"] for group in groups for rule in group["rules"]}, "role": set(WORKERS)}
    for rule in yaml.safe_load((FOLDER / "alertmanager.yaml").read_text())["inhibit_rules"]:
        for label, names in re.findall(
            r'(\w+) =~? "(.*?)"', " ".join(rule["source_matchers"] + rule["target_matchers"])
        ):
            assert set(names.split("|")) <= known[label]


class Alertmanager:
    """Debian's with the configuration of the project, and the url of a webhook, for the length of a context."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self._folder, self._webhook = folder, webhook
        self._port = free_port()
        self._alerts = f"http://127.0.0.1:{self._port}/api/v2/alerts"

    def __enter__(self) -> "Alertmanager":
        files = copytree(FOLDER, self._folder / "monitoring")
        quick = (files / "alertmanager.yaml").read_text().replace("group_wait: 30s", "group_wait: 100ms")
        (files / "alertmanager.yaml").write_text(quick)
        (self._folder / "alertmanager").symlink_to(tool("prometheus-alertmanager"))
        address = f"--web.listen-address=127.0.0.1:{self._port}"
        options = [f"--storage.path={self._folder}", address, "--cluster.listen-address="]
        env = {"PATH": f"{self._folder}:{os.environ['PATH']}", "CONFIG": str(self._folder / "config.yaml")}
        env["ALERT_WEBHOOK_URL"] = self._webhook
        with (self._folder / "log").open("wb") as log:
            command = ["/bin/sh", str(files / "start-alertmanager"), *options]
            self._server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(60)

    def fire(self, *alerts: dict[str, str]) -> None:
        """Alerts by their labels, as soon as it listens."""
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        until(lambda: self._takes(body))

    def _takes(self, body: bytes) -> bool:
        request = urllib.request.Request(self._alerts, body, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request).close()
        except OSError:
            return False
        return True

    def inhibited(self) -> set[str]:
        """The names of the alerts that nobody is told of, since another one fires."""
        with urllib.request.urlopen(self._alerts) as answer:
            return {one["labels"]["alertname"] for one in json.load(answer) if one["status"]["inhibitedBy"]}


def told(receiver: Receiver) -> list[str]:
    """The names of the alerts that a webhook was called with."""
    return [alert["labels"]["alertname"] for call in receiver.calls for alert in call.content["alerts"]]


def test_alertmanager_calls_the_webhook_and_leaves_out_what_follows_from_a_gone_server(tmp_path: Path) -> None:
    with Receiver() as receiver, Alertmanager(tmp_path, f"{receiver.url}/hook") as server:
        server.fire({"alertname": "ServerDown"})
        until(lambda: receiver.calls)
        server.fire({"alertname": "RequestsFail"}, {"alertname": "DetectorKilled"})
        until(lambda: len(receiver.calls) == 2)
        assert server.inhibited() == {"RequestsFail"}
    assert told(receiver) == ["ServerDown", "DetectorKilled"]


FOLLOWING = ("JobsStandStill", "DetectorsLacking", "QueueSlow", "StreamsUnserved")


@pytest.mark.parametrize(
    ("role", "inhibited"),
    [
        ("renderer", set()),
        ("detector", {"JobsStandStill", "DetectorsLacking"}),
        ("processor", {"JobsStandStill", "DetectorsLacking", "QueueSlow"}),
        ("live_detector", {"StreamsUnserved"}),
    ],
)
def test_workers_that_are_gone_leave_out_what_follows_from_their_role(
    tmp_path: Path, role: str, inhibited: set[str]
) -> None:
    with Receiver() as receiver, Alertmanager(tmp_path, f"{receiver.url}/hook") as server:
        server.fire({"alertname": "NoWorkers", "role": role})
        until(lambda: receiver.calls)
        server.fire(*({"alertname": name} for name in FOLLOWING))
        until(lambda: len(receiver.calls) == 1 + len(FOLLOWING) - len(inhibited))
        assert server.inhibited() == inhibited
    assert set(told(receiver)) == {"NoWorkers", *FOLLOWING} - inhibited
