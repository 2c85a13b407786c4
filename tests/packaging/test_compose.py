"""The rules that docker-compose.yaml and the Dockerfiles keep, each looked for in the parsed files."""

import fnmatch
import re
import tomllib
from typing import Any

import pytest
import yaml

from contracts.settings.table import table
from tests.support.deployments.compose import COMPOSE, MAIN, ROLES, Compose, dockerfile, interpolated
from tests.support.deployments.service import ROOT
from tests.support.servers.debian import PASSWORD

SERVICES: dict[str, dict[str, Any]] = COMPOSE.services
OURS = [name for name in SERVICES if COMPOSE.own_image(name)]
ONE_SHOT = ["migrate"]
PASSWORDS = {name: f"{name.lower()}9" for name in ("RABBITMQ_PASSWORD", "POSTGRES_PASSWORD", "FLOWER_PASSWORD")}
SECRETS = {**PASSWORDS, "JWT_SECRET_KEY": "0123456789abcdef" * 2}
CENTRAL = Compose(MAIN, "deploy/central-host.yaml")
TEXT = (ROOT / "docker-compose.yaml").read_text()
UDP = "50000-50031"


def environment(service: str, **values: str) -> dict[str, str]:
    """What .env with those values, and with the secrets, gives to a service."""
    given = {**SECRETS, **values}
    found = SERVICES[service].get("environment", {})
    return {name: given.get(name, "") if text is None else interpolated(text, given) for name, text in found.items()}


def conditions(service: str) -> dict[str, str]:
    return {name: value["condition"] for name, value in SERVICES[service].get("depends_on", {}).items()}


def test_services_are_those_of_distributed_mode() -> None:
    assert set(OURS) == {
        "api",
        "processor",
        "renderer",
        "detector",
        "detector-gpu",
        "live-detector",
        "ingest",
        "migrate",
    }
    assert set(SERVICES) - set(OURS) == {"rabbitmq", "redis", "postgres", "flower", "redisinsight"}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "detector-gpu": ["gpu"],
        "flower": ["admin"],
        "redisinsight": ["admin"],
    }


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_as_the_chosen_user_and_write_nowhere_else(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "${USER_ID:-10001}:${USER_ID:-10001}"
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    assert service["cap_drop"] == ["ALL"]
    readers = {"detector", "detector-gpu", "live-detector"}
    assert service["volumes"] == (
        [] if name == "migrate" else ["storage:/data:ro" if name in readers else "storage:/data"]
    )
    assert service.get("pull_policy") == "never"
    assert service["init"] is True


@pytest.mark.parametrize("role", ROLES)
def test_images_are_built_for_that_user(role: str) -> None:
    file = dockerfile(role)
    assert dict(file["ARG"])["USER_ID"] == "10001"
    assert file["USER"] == "${USER_ID}:${USER_ID}"
    makers = [service["build"] for service in SERVICES.values() if "build" in service]
    (args, *_) = [build["args"] for build in makers if build["dockerfile"] == f"{role}/Dockerfile"]
    assert args["USER_ID"] == "${USER_ID:-10001}"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_gets_additional_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not set(service) & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"}
    sources = [volume.split(":")[0] for volume in service.get("volumes", [])]
    assert set(sources) <= set(COMPOSE.volumes)


def test_every_image_has_its_full_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = {service["image"].rpartition(":")[0]: service["image"].rpartition(":")[2] for service in SERVICES.values()}
    assert {tags[name] for name in tags if name.startswith("web-detector-")} == {version}
    # PostgreSQL's versions have two parts.
    parts = {name: len(re.fullmatch(r"([\d.]+)(-[a-z]+)?", tag)[1].split(".")) for name, tag in tags.items()}  # type: ignore[index]
    assert parts == dict.fromkeys(tags, 3) | {"postgres": 2}
    bases = {dockerfile(role)["FROM"] for role in ROLES}
    assert len(bases) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", *bases)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "on-failure"
        return
    assert service["restart"] == "unless-stopped"
    kind, *command = service["healthcheck"]["test"]
    assert kind in ("CMD", "CMD-SHELL")
    assert command
    assert {"interval", "timeout"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", SERVICES)
def test_services_wait_for_healthy_dependencies(name: str) -> None:
    for other, condition in conditions(name).items():
        assert condition == ("service_completed_successfully" if other in ONE_SHOT else "service_healthy")


def test_roles_depend_on_all_their_servers() -> None:
    servers = {"rabbitmq", "redis"}
    for name in ("api", "processor", "renderer"):
        assert set(conditions(name)) == servers | {"migrate"}
    for name in ("detector", "detector-gpu", "live-detector", "ingest"):
        assert set(conditions(name)) == servers
    assert set(conditions("migrate")) == {"postgres"}


@pytest.mark.parametrize("name", SERVICES)
def test_logs_are_rotated(name: str) -> None:
    assert SERVICES[name]["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_published_is_on_loopback(name: str) -> None:
    published = {"api": "8080", "rabbitmq": "15672", "flower": "5555", "redisinsight": "5540", "ingest": UDP}
    ports = [interpolated(port, {}).removesuffix("/udp") for port in SERVICES[name].get("ports", [])]
    assert ports == [f"127.0.0.1:{port}:{port}" for service, port in published.items() if service == name]


def test_the_media_ports_of_the_ingest_are_those_that_it_uses() -> None:
    for values, address, ports in (
        ({}, "127.0.0.1", UDP),
        ({"WEBRTC_UDP_PORTS": "1-9", "WEBRTC_BIND": "192.0.2.1", "WEBRTC_HOSTS": "192.0.2.1"}, "192.0.2.1", "1-9"),
    ):
        assert [interpolated(port, values) for port in SERVICES["ingest"]["ports"]] == [
            f"{address}:{ports}:{ports}/udp"
        ]
        assert environment("ingest", **values)["WEBRTC_UDP_PORTS"] == ports
        assert environment("ingest", **values)["WEBRTC_HOSTS"] == address


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_required_and_have_no_default(secret: str) -> None:
    assert {row.variable for row in table() if row.secret and row.required} <= set(SECRETS)
    with pytest.raises(KeyError, match=f"{secret}: set it in .env"):
        interpolated(TEXT, {name: value for name, value in SECRETS.items() if name != secret})
    assert not re.search(rf"\$\{{{secret}:?[-+]", TEXT)


def test_no_value_looks_like_a_secret() -> None:
    for name in SERVICES:
        for variable, text in SERVICES[name].get("environment", {}).items():
            # One without a value comes from .env, and is no secret of the file's.
            if text is not None and re.search(r"PASS|SECRET|KEY|AUTH|TOKEN$", variable):
                assert any(f"${{{secret}:?" in text for secret in SECRETS), (name, variable)


ADDRESSES = {
    "BROKER_URL": "amqp://web-detector:rabbitmq_password9@rabbitmq:5672//",
    "RESULT_STORE_URL": "redis://redis:6379/0",
    "DATABASE_URL": "postgresql+pg8000://web-detector:postgres_password9@postgres:5432/web-detector",
}


@pytest.mark.parametrize("variable", ADDRESSES)
def test_urls_are_those_of_bundled_or_external_servers(variable: str) -> None:
    readers = {row.variable: row.roles for row in table()}[variable]
    for name in OURS:
        if COMPOSE.role(name) in readers and (name != "migrate" or variable == "DATABASE_URL"):
            assert environment(name)[variable] == ADDRESSES[variable]
            assert environment(name, **{variable: ""})[variable] == ADDRESSES[variable]
            assert environment(name, **{variable: "scheme://own"})[variable] == "scheme://own"
        else:
            assert variable not in environment(name)


def test_flower_has_a_password_and_looks_at_the_same_broker() -> None:
    own = environment("flower", BROKER_URL="amqp://own//")
    assert own == {"CELERY_BROKER_URL": "amqp://own//", "FLOWER_BASIC_AUTH": "web-detector:flower_password9"}
    assert environment("flower")["CELERY_BROKER_URL"] == ADDRESSES["BROKER_URL"]


def test_the_gpu_detector_is_a_detector_with_devices_and_a_pool_of_its_own() -> None:
    gpu, plain = SERVICES["detector-gpu"], SERVICES["detector"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    own = {"profiles", "image", "build", "environment", "deploy"}
    assert {key: gpu[key] for key in gpu if key not in own} == {key: plain[key] for key in plain if key not in own}
    changed = {"DETECTOR_POOLS": "gpu", "DETECTOR_DEVICE": "cuda"}
    assert gpu["environment"] == plain["environment"] | changed
    assert gpu["image"] != plain["image"]


def test_the_gpu_detectors_packages_are_an_argument_of_its_build() -> None:
    argument = SERVICES["detector-gpu"]["build"]["args"]["REQUIREMENTS"]
    assert (ROOT / argument).is_file()
    assert dict(dockerfile("detector")["ARG"])["REQUIREMENTS"] == "requirements/detector.txt"
    text = (ROOT / "detector/Dockerfile").read_text()
    assert "COPY ${REQUIREMENTS} requirements/detector.txt" in text
    # PyTorch and what comes with it is in this image alone.
    assert dict(dockerfile("detector")["ARG"])["DETECTRON2"] == ""
    assert 'RUN if [ -n "${DETECTRON2}" ]; then tools/install-detectron2 python; fi' in text
    assert SERVICES["detector-gpu"]["build"]["args"]["DETECTRON2"]
    assert "DETECTRON2" not in SERVICES["detector"]["build"]["args"]


def test_an_image_is_built_once_and_for_all_that_run_it() -> None:
    builds = [service["image"] for service in SERVICES.values() if "build" in service]
    assert len(builds) == len(set(builds))
    assert {SERVICES[name]["image"] for name in OURS} == set(builds)
    assert all("build" not in SERVICES[name] for name in SERVICES if name not in OURS)


@pytest.mark.parametrize("name", OURS)
def test_a_container_has_longer_to_stop_than_its_process_takes(name: str) -> None:
    assert SERVICES[name]["stop_grace_period"] == "30s"
    gunicorn = " ".join(dockerfile("api")["CMD"])
    assert re.search(r"--graceful-timeout 20\b", gunicorn)


def test_every_volume_is_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(COMPOSE.volumes) == used


@pytest.mark.parametrize("role", ROLES)
def test_the_builder_gets_what_the_dockerfiles_copy_and_nothing_else(role: str) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line[1:] for line in rules if line.startswith("!")}
    sources = {source for role in ROLES for source in dockerfile(role)["SOURCES"]}
    # Of tools/ no more than what is copied.
    assert let_in == {source if source.startswith("tools/") else source.split("/")[0] for source in sources}
    kept_out = [rule for rule in rules[1:] if not rule.startswith("!")]
    for name in ("api/__pycache__", "web/node_modules", "web/dist"):
        assert any(fnmatch.fnmatch(name, rule) for rule in kept_out), name
    assert {source for source, _ in dockerfile(role)["COPY"]} >= {"contracts", role}


DOCUMENTS = [
    ROOT / "docker-compose.yaml",
    *sorted((ROOT / "deploy").glob("*.yaml")),
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS = [
    (path.name, command)
    for path in DOCUMENTS
    # What is in $() is looked at by test_profiles.py; lines may go on after a backslash, in a comment too.
    for text in [re.sub(r"\$\(.*?\)| \\\n#?", "", path.read_text())]
    for command in re.findall(r"docker compose ([^`\n]+?)(?:`|\n|  \(|$)", text, re.M)
]


def test_compose_commands_in_the_docs_are_found() -> None:
    assert {path for path, _ in COMMANDS} >= {"docker-compose.yaml", "deploy.md", "monitoring.yaml"}


@pytest.mark.parametrize(("document", "command"), COMMANDS)
def test_compose_commands_in_the_docs_name_existing_files_and_services(document: str, command: str) -> None:
    services = {**SERVICES, **Compose("deploy/monitoring.yaml", "deploy/gateway.yaml").services}
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    assert set(re.findall(r"--profile[ =](\S+)", command)) <= profiles
    assert set(re.findall(r"--scale[ =]([\w-]+)=", command)) <= set(SERVICES)
    files = re.findall(r"--file[ =](\S+)", command)
    assert all((ROOT / name).is_file() for name in files)
    # Compose looks for .env in the folder of the first file.
    assert re.findall(r"--env-file[ =](\S+)", command) == ([".env"] if files and "/" in files[0] else []), document
    words = re.sub(r"--(?:profile|scale|file|env-file)[ =]\S+", "", command).split()
    verb, *rest = [word for word in words if not word.startswith("-")]
    assert verb in {"up", "ps", "logs", "down", "build", "run", "exec", "config", "stop", "cp"}, document
    if verb == "cp":  # one side is a path on the host, the other one in a service's container
        rest = [word.partition(":")[0] for word in rest if ":" in word]
        assert rest, document
    assert verb in {"run", "exec"} or set(rest) <= set(services)


@pytest.mark.parametrize("name", ["detector", "live-detector"])
def test_the_inference_hosts_detectors_are_the_main_files(name: str) -> None:
    """Its addresses and the place of the videos apart."""
    main, own = (yaml.safe_load((ROOT / file).read_text()) for file in (MAIN, "deploy/inference-host.yaml"))
    main, own = (content["services"][name] for content in (main, own))
    differs = {"environment", "volumes", "depends_on", "build"}
    assert {k: v for k, v in own.items() if k not in differs} == {k: v for k, v in main.items() if k not in differs}
    assert ({**own["build"], "context": "."} if "build" in own else None) == main.get("build")
    environment = {**main["environment"], **{n: own["environment"][n] for n in ("BROKER_URL", "RESULT_STORE_URL")}}
    # It has a folder, and no bucket.
    left_out = {"DATA_DIR", "STORAGE_URL", *(name for name in environment if name.startswith("S3_"))}
    wanted = {name: value for name, value in environment.items() if name not in left_out}
    assert own["environment"] == {**wanted, "STORAGE_DIR": "/storage"}


def test_the_central_hosts_redis_is_the_main_files_with_a_password() -> None:
    main, own = (compose.command("redis", {"REDIS_PASSWORD": PASSWORD}) for compose in (Compose(MAIN), CENTRAL))
    assert own == [*main, "--requirepass", PASSWORD]
