"""The profile `gateway`: deploy/gateway.yaml. tests/adapters/test_gateway.py runs what it starts."""

import os
import re
from typing import Any

import yaml

from tests.support.deployments.compose import Compose, interpolated
from tests.support.deployments.service import ROOT

COMPOSE = Compose("deploy/gateway.yaml")
TEXT = COMPOSE.text


def gateway(**values: str) -> dict[str, Any]:
    """The service with those values in .env."""
    service: dict[str, Any] = yaml.safe_load(interpolated(TEXT, values))["services"]["gateway"]
    return service


def test_it_is_on_request_without_privileges_and_watched() -> None:
    assert COMPOSE.enabled() == set()
    assert COMPOSE.enabled("gateway") == {"gateway"}
    service = gateway()
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert {"test", "interval", "timeout"} <= set(service["healthcheck"])
    assert re.fullmatch(r"nginx:\d+\.\d+\.\d+-alpine", service["image"])
    assert not set(service) & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"}


def test_it_is_published_on_loopback_unless_another_address_is_set() -> None:
    assert gateway()["ports"] == ["127.0.0.1:80:8080", "127.0.0.1:443:8443"]
    other = gateway(GATEWAY_BIND="0.0.0.0", GATEWAY_HTTP_PORT="8000", GATEWAY_HTTPS_PORT="8400")  # noqa: S104
    assert other["ports"] == ["0.0.0.0:8000:8080", "0.0.0.0:8400:8443"]


def test_certificates_are_those_of_the_folder_or_else_none() -> None:
    files, certificates = gateway()["volumes"]
    assert certificates.split(":")[0] in COMPOSE.volumes
    assert gateway(GATEWAY_CERTIFICATES="/etc/tls")["volumes"] == [files, "/etc/tls:/certificates:ro"]
    assert all(volume.endswith(":ro") for volume in (files, certificates))


def test_it_asks_the_places_that_the_containers_have() -> None:
    """Those that its script takes where nothing else is said."""
    script = (ROOT / "deploy/gateway/start-gateway").read_text()
    places = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", script))
    main, monitoring = Compose("docker-compose.yaml").services, Compose("deploy/monitoring.yaml").services
    assert places["API"] == f"api:{main['api']['ports'][0].rpartition(':')[2]}"
    assert places["GRAFANA"] == f"grafana:{monitoring['grafana']['ports'][0].rpartition(':')[2]}"
    service = gateway()
    assert [port.rpartition(":")[2] for port in service["ports"]] == [places["HTTP_PORT"], places["HTTPS_PORT"]]
    assert f"http://127.0.0.1:{places['HEALTH_PORT']}/" in service["healthcheck"]["test"]
    files, certificates = service["volumes"]
    assert certificates.split(":")[1] == places["CERTIFICATES"]
    source, target, _ = files.split(":")
    started = service["entrypoint"][-1].replace(target, str(ROOT / "deploy" / source))
    assert os.access(started, os.R_OK)


def test_what_the_script_takes_for_a_variable_that_is_not_set_is_in_the_example() -> None:
    defaults = dict(re.findall(r"\$\{(GATEWAY_\w+):-([^}]+)\}", (ROOT / "deploy/gateway/start-gateway").read_text()))
    assert defaults.keys() == {"GATEWAY_HTTPS_PORT", "GATEWAY_HSTS_SECONDS"}
    example = (ROOT / ".env.example").read_text()
    assert all(f"\n# {name}={value}\n" in example for name, value in defaults.items())


def test_its_variables_are_in_the_example_and_on_the_page() -> None:
    service = yaml.safe_load(TEXT)["services"]["gateway"]
    names = {*re.findall(r"\$\{([A-Z_]+)", TEXT), *service["environment"]}
    example, page = (ROOT / ".env.example").read_text(), (ROOT / "docs/settings.md").read_text()
    assert all(re.search(rf"^(# )?{name}=", example, re.M) and f"`{name}`" in page for name in names)
