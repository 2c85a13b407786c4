"""The profile `monitoring`: deploy/monitoring.yaml, and what its start scripts make of .env."""

import os
import re
import subprocess
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

import pytest
import yaml

from tests.support.deployments.compose import MAIN, Compose
from tests.support.deployments.service import ROOT
from tests.support.scraping import tool
from tests.support.servers import prometheus
from tests.support.waiting import until
from tools.dashboards.panel import Exporter

FILE = "deploy/monitoring.yaml"
FOLDER = ROOT / "deploy/monitoring"
SERVICES: dict[str, dict[str, Any]] = Compose(FILE).services
JOBS: dict[str, dict[str, Any]] = {
    job["job_name"]: job for job in yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
}


def test_the_main_file_includes_it_and_has_no_service_of_the_same_name() -> None:
    main = yaml.safe_load((ROOT / MAIN).read_text())
    assert main["include"] == [FILE, "deploy/gateway.yaml"]
    parts = [main, *(yaml.safe_load((ROOT / name).read_text()) for name in main["include"])]
    for kind in ("services", "volumes"):
        names = [name for part in parts for name in part[kind]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_on_request_without_privileges_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["profiles"] == ["containers" if name == "cadvisor" else "monitoring"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert not set(service) & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode", "user"}
    assert service["read_only"] is (name != "grafana")
    assert service["restart"] == "unless-stopped"
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert {"test", "interval", "timeout"} <= set(service["healthcheck"])
    if name != "cadvisor":
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+(-alpine)?", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there_and_cannot_be_written(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, *options = volume.split(":")
        if source not in Compose(FILE).volumes:
            assert options[0].split(",")[0] == "ro"
            assert source.startswith("/") or (ROOT / "deploy" / source).is_dir()


def test_what_is_published_is_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        "prometheus": ["${PROMETHEUS_BIND:-127.0.0.1}:9090:9090"],
        "alertmanager": ["127.0.0.1:9093:9093"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_prometheus_asks_all_services_that_have_metrics_and_every_exporter() -> None:
    asked = {job: (sd["names"], sd["port"]) for job, content in JOBS.items() for sd in content["dns_sd_configs"]}
    ours, port = asked.pop("web-detector")
    main = Compose(MAIN)
    assert set(ours) == {name for name, one in main.services.items() if "METRICS_PORT" in one.get("environment", {})}
    assert f"`names: [{', '.join(ours)}]`" in (ROOT / "docs/operate/metrics.md").read_text()
    assert main.services["api"]["environment"]["METRICS_PORT"] == f"${{METRICS_PORT:-{port}}}"
    assert asked.keys() == set(get_args(Exporter))
    for [name], at in asked.values():
        if name in SERVICES:  # RabbitMQ has a plugin
            assert f"http://127.0.0.1:{at}/" in " ".join(SERVICES[name]["healthcheck"]["test"])
    assert {name for [name], _ in asked.values()} <= SERVICES.keys() | main.services.keys()
    assert all(job["relabel_configs"] == [{"target_label": "host", "replacement": "central"}] for job in JOBS.values())


def test_its_variables_are_in_the_example_and_on_the_page() -> None:
    names = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / FILE).read_text()))
    names |= {name for one in SERVICES.values() for name, value in one.get("environment", {}).items() if value is None}
    example, page = (ROOT / ".env.example").read_text(), (ROOT / "docs/settings.md").read_text()
    assert all(re.search(rf"^(# )?{name}=", example, re.M) for name in names)
    assert all(f"`{name}`" in page for name in names)


def started(script: str, folder: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a start script with a server that ends at once; the configuration is in config.yaml of the folder."""
    server = folder / script.removeprefix("start-")
    server.write_text('#!/bin/sh\necho "$@"\n')
    server.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "CONFIG": str(folder / "config.yaml"), **environ}
    command = ["/bin/sh", str(FOLDER / script), *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def configured(script: str, folder: Path, *check: str, **environ: str) -> Any:
    """The configuration that a script makes; the server's own tool finds it right."""
    config = folder / "config.yaml"
    done = started(script, folder, "--of-the-server", **environ)
    assert done.stdout == f"--config.file={config} --of-the-server\n", done.stderr
    found = subprocess.run([tool(check[0]), *check[1:], config], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert config.stat().st_mode & 0o077 == 0  # it holds passwords
    return yaml.safe_load(config.read_text())


HOSTILE = "it's: #1 {x}"


def test_prometheus_starts_with_the_rules_and_the_name_of_its_host(tmp_path: Path) -> None:
    made = configured("start-prometheus", tmp_path, "promtool", "check", "config", MONITORING_HOST="gpu-1")
    assert made["rule_files"] == [str(FOLDER / "rules.yaml")]
    hosts = {rule["replacement"] for job in made["scrape_configs"] for rule in job["relabel_configs"]}
    assert hosts == {"gpu-1"}
    assert "remote_write" not in made


def test_prometheus_asks_the_roles_at_the_port_that_they_have(tmp_path: Path) -> None:
    """Compose gives both the METRICS_PORT of .env."""
    made = configured("start-prometheus", tmp_path, "promtool", "check", "config", METRICS_PORT="9000")
    ports = {job["job_name"]: sd["port"] for job in made["scrape_configs"] for sd in job["dns_sd_configs"]}
    assert ports.pop("web-detector") == 9000
    assert ports.keys() == set(get_args(Exporter))
    assert 9000 not in ports.values()
    done = started("start-prometheus", tmp_path, METRICS_PORT="0")
    assert (done.returncode, "METRICS_PORT=0" in done.stderr) == (1, True)


def written(folder: Path, **environ: str) -> dict[str, Any]:
    """Where Prometheus writes to."""
    check = ("promtool", "check", "config")
    [other] = configured("start-prometheus", folder, *check, REMOTE_WRITE_URL=CENTRAL, **environ)["remote_write"]
    return dict(other)


CENTRAL = "http://central:9090/api/v1/write"


def test_prometheus_writes_to_another_one_without_its_own_alerts(tmp_path: Path) -> None:
    login = {"REMOTE_WRITE_USER": HOSTILE, "REMOTE_WRITE_PASSWORD": HOSTILE}
    other = written(tmp_path, MONITORING_HOST="gpu-1", **login)
    assert (other["url"], other["basic_auth"]) == (CENTRAL, {"username": HOSTILE, "password": HOSTILE})
    [dropped] = other["write_relabel_configs"]
    assert (dropped["action"], dropped["regex"]) == ("drop", "ALERTS.*")
    assert "basic_auth" not in written(tmp_path, MONITORING_HOST="gpu-1")


@pytest.mark.parametrize("host", ["central", ""])
def test_the_central_host_writes_its_alerts_as_well(tmp_path: Path, host: str) -> None:
    assert written(tmp_path, MONITORING_HOST=host) == {"url": CENTRAL}


def test_a_host_name_that_would_break_the_configuration_is_refused(tmp_path: Path) -> None:
    done = started("start-prometheus", tmp_path, MONITORING_HOST="a|b")
    assert done.returncode == 1
    assert "MONITORING_HOST=a|b" in done.stderr


def test_the_central_host_knows_what_another_one_reads_by_its_name_but_not_its_alerts(tmp_path: Path) -> None:
    folder, there, here = (tmp_path / name for name in ("monitoring", "central", "gpu-1"))
    for one in (there, here):
        one.mkdir()
    copytree(FOLDER, folder)
    (there / "config.yaml").write_text("{}")
    central = prometheus.Server(
        there, tool("prometheus"), f"--config.file={there / 'config.yaml'}", "--web.enable-remote-write-receiver"
    )
    with central:
        host = prometheus.Server(
            here,
            "/bin/sh",
            folder / "start-prometheus",
            MONITORING_HOST="gpu-1",
            CONFIG=str(here / "config.yaml"),
            REMOTE_WRITE_URL=f"http://127.0.0.1:{central.port}/api/v1/write",
        )
        content = (folder / "prometheus.yaml").read_text().replace(": 15s", ": 1s")
        found = "dns_sd_configs: [{names: [node-exporter], type: A, port: 9100}]"
        assert found in content
        itself = f"static_configs: [{{targets: ['127.0.0.1:{host.port}']}}]"
        (folder / "prometheus.yaml").write_text(content.replace(found, itself))
        up = 'count_over_time(up{job="host",host="gpu-1"}[1h])'
        with host:
            until(lambda: host.series('ALERTS{alertname="ApiMetricsMissing"}'))
            until(lambda: central.series(up))
            [before] = central.values(up)
            until(lambda: central.values(up)[0] >= before + 2)  # what came with the alert has come here too
            assert central.series("ALERTS") == 0


MAIL = {
    "ALERT_EMAIL_TO": "operator@example.org",
    "ALERT_EMAIL_FROM": "web-detector@example.org",
    "ALERT_SMTP": "mail.example.org:587",
}


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({}, set()),
        ({"ALERT_WEBHOOK_URL": "https://example.org/hook?a='b'"}, {"webhook_configs"}),
        (MAIL, {"email_configs"}),
        (
            {**MAIL, "ALERT_WEBHOOK_URL": "http://h/", "ALERT_SMTP_USER": HOSTILE, "ALERT_SMTP_PASSWORD": HOSTILE},
            {"email_configs", "webhook_configs"},
        ),
    ],
)
def test_alertmanager_tells_whom_the_settings_name(tmp_path: Path, given: dict[str, str], kinds: set[str]) -> None:
    [receiver] = configured("start-alertmanager", tmp_path, "amtool", "check-config", **given)["receivers"]
    assert receiver.keys() - {"name"} == kinds
    if "email_configs" in kinds:
        [mail] = receiver["email_configs"]
        assert [mail["to"], mail["from"], mail["smarthost"]] == list(MAIL.values())
        assert mail.get("auth_password") == given.get("ALERT_SMTP_PASSWORD")
    if "webhook_configs" in kinds:
        assert receiver["webhook_configs"] == [{"url": given["ALERT_WEBHOOK_URL"]}]


def test_mail_without_a_sender_is_refused(tmp_path: Path) -> None:
    done = started("start-alertmanager", tmp_path, ALERT_EMAIL_TO="operator@example.org")
    assert done.returncode == 1
    assert "ALERT_EMAIL_FROM" in done.stderr
