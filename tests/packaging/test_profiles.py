"""What a host runs: the profiles of the compose files, and the lines of .env that choose them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.settings.table import table
from tests.support.deployments.compose import MAIN, Compose, interpolated
from tests.support.deployments.service import ROOT

SINGLE = (MAIN, "deploy/profiles.yaml")
CENTRAL = (*SINGLE, "deploy/central-host.yaml")
INFERENCE = ("deploy/inference-host.yaml",)
SERVERS = {"rabbitmq", "redis", "postgres", "migrate"}
ROLES = {"api", "processor", "renderer", "ingest"}
DETECTORS = {"detector", "live-detector"}
GPU = {"detector-gpu"}
PROFILES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "single_host_cpu": (SINGLE, SERVERS | ROLES | DETECTORS),
    "single_host_gpu": (SINGLE, SERVERS | ROLES | DETECTORS | GPU),
    "central": (CENTRAL, SERVERS | ROLES),
    "central_with_inference_cpu": (CENTRAL, SERVERS | ROLES | DETECTORS),
    "central_with_inference_gpu": (CENTRAL, SERVERS | ROLES | DETECTORS | GPU),
    "inference_cpu": (INFERENCE, DETECTORS),
    "inference_gpu": (INFERENCE, DETECTORS | GPU),
}
ADMIN = {"flower", "redisinsight"}
# Profiles that come beside one of these.
BESIDE = {"admin", "gateway", "monitoring", "containers"}
SECRETS = {
    **dict.fromkeys(("RABBITMQ_PASSWORD", "POSTGRES_PASSWORD", "FLOWER_PASSWORD"), "secret1"),
    "JWT_SECRET_KEY": "0123456789abcdef" * 2,
}
CENTRAL_VALUES = {"PRIVATE_ADDRESS": "10.0.0.1", "REDIS_PASSWORD": "secret2", "STORAGE_FOLDER": "/srv/web-detector"}
INFERENCE_VALUES = {
    "BROKER_URL": "amqp://web-detector:secret1@central:5672//",
    "RESULT_STORE_URL": "redis://:secret2@central:6379/0",
    "STORAGE_FOLDER": "/mnt/web-detector/storage",
}
NEEDED = {SINGLE: SECRETS, CENTRAL: SECRETS | CENTRAL_VALUES, INFERENCE: INFERENCE_VALUES}


def chosen(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Files and profiles that lines of .env choose."""
    lines = dict(line.split("=", 1) for line in text.splitlines() if line.startswith(("COMPOSE_FILE=", "COMPOSE_PROF")))
    return tuple(lines["COMPOSE_FILE"].split(":")), lines["COMPOSE_PROFILES"].split(",")


def rendered(profile: str, *more: str) -> dict[str, Any]:
    """The services of a profile, with the values that its .env must have and no others."""
    files, _ = PROFILES[profile]
    compose = Compose(*files)
    text = yaml.safe_dump({name: compose.services[name] for name in compose.enabled(profile, *more)})
    # Compose expands what it does not start, too: what is required is required of all profiles of the files.
    interpolated(compose.text, NEEDED[files])
    services: dict[str, Any] = yaml.safe_load(interpolated(text, NEEDED[files]))
    return services


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_starts_the_services_of_its_row(profile: str) -> None:
    files, services = PROFILES[profile]
    assert Compose(*files).enabled(profile) == services
    assert rendered(profile).keys() == services


@pytest.mark.parametrize("profile", [name for name in PROFILES if not name.startswith("inference")])
def test_admin_comes_beside_a_profile(profile: str) -> None:
    assert rendered(profile, "admin").keys() == PROFILES[profile][1] | ADMIN


def test_an_env_file_of_before_the_profiles_starts_what_it_did() -> None:
    """It has neither COMPOSE_FILE nor COMPOSE_PROFILES, or one of the profiles of then."""
    before = SERVERS | ROLES | DETECTORS
    assert Compose(MAIN).enabled() == before
    assert Compose(MAIN).enabled("gpu", "monitoring") == before | GPU
    assert Compose(MAIN).enabled("admin") == before | ADMIN
    assert Compose(MAIN, "deploy/central-host.yaml").enabled() == before
    assert Compose(*INFERENCE).enabled() == DETECTORS


def test_there_are_no_other_profiles() -> None:
    named = {
        name
        for files, _ in PROFILES.values()
        for one in Compose(*files).services.values()
        for name in one.get("profiles", [])
    }
    # A host with detectors on its CPU has no service that a host with a GPU has not.
    assert named | {"inference_cpu"} == PROFILES.keys() | {"admin", "gpu"}
    assert Compose(*SINGLE).enabled("central_with_inference") == set(), "a misspelt profile starts nothing"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_service_waits_for_services_of_its_own_profile_only(profile: str) -> None:
    """Compose refuses a profile in which one is missing."""
    services = rendered(profile, "admin")
    for service in services.values():
        assert service.get("depends_on", {}).keys() <= services.keys()


@pytest.mark.parametrize("profile", PROFILES)
def test_what_runs_together_has_the_addresses_of_the_same_servers(profile: str) -> None:
    environments = {name: one["environment"] for name, one in rendered(profile).items() if "environment" in one}
    for variable, count in {"BROKER_URL": 1, "RESULT_STORE_URL": 1, "DATABASE_URL": 0}.items():
        found = {text for one in environments.values() if (text := one.get(variable))}
        assert len(found) == (1 if count or not profile.startswith("inference") else 0)
    password = environments.get("redis", {}).get("REDISCLI_AUTH", "")
    for name, one in environments.items():
        if "RESULT_STORE_URL" in one and password:
            assert f":{password}@" in one["RESULT_STORE_URL"], name


@pytest.mark.parametrize("profile", [name for name in PROFILES if not name.startswith("inference")])
def test_inference_hosts_reach_the_servers_of_central_ones_alone(profile: str) -> None:
    services = rendered(profile)
    published = {name: services[name].get("ports", []) for name in ("rabbitmq", "redis")}
    at = [f"{CENTRAL_VALUES['PRIVATE_ADDRESS']}:{port}:{port}" for port in (5672, 6379)]
    central = profile.startswith("central")
    assert published["redis"] == (at[1:] if central else [])
    assert published["rabbitmq"] == ["127.0.0.1:15672:15672", *(at[:1] if central else [])]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_rolling_upgrade_replaces_the_workers_of_the_host_and_starts_no_others(profile: str) -> None:
    """Compose enables a service that is named, whatever the profile."""
    page = (ROOT / "docs/operate/operations.md").read_text()
    [line] = re.findall(r"^docker compose up .*--no-deps .*\$\(.*$", page, re.M)
    named, pattern = re.fullmatch(r"(.*)\$\(docker compose config --services \| grep -xE '(.*)'\)", line).groups()  # type: ignore[union-attr]
    assert named == "docker compose up --detach --no-deps --scale detector=2 "
    replaced = {name for name in Compose(*PROFILES[profile][0]).enabled(profile) if re.fullmatch(pattern, name)}
    assert replaced == PROFILES[profile][1] & (ROLES - {"api"} | DETECTORS | GPU)


def test_admins_view_of_a_redis_with_a_password_has_it() -> None:
    assert rendered("central", "admin")["redisinsight"]["environment"]["RI_REDIS_PASSWORD"] == "secret2"
    assert "RI_REDIS_PASSWORD" not in rendered("single_host_cpu", "admin")["redisinsight"]["environment"]


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_published_twice_or_on_all_addresses(profile: str) -> None:
    """Also with all that may come beside it."""
    files, _ = PROFILES[profile]
    beside = () if files == INFERENCE else ("deploy/monitoring.yaml", "deploy/gateway.yaml")
    compose = Compose(*files, *beside)
    texts = [text for name in compose.enabled(profile, *BESIDE) for text in compose.services[name].get("ports", [])]
    published = [interpolated(text, NEEDED[files]).rsplit(":", 1)[0] for text in texts]
    assert len(published) == len(set(published)) >= (len(BESIDE) if beside else 0)
    assert {place.split(":")[0] for place in published} <= {"127.0.0.1", CENTRAL_VALUES["PRIVATE_ADDRESS"]}


def test_an_inference_host_knows_no_secret_of_the_central_one() -> None:
    text = Compose(*INFERENCE).text
    secrets = {row.variable for row in table() if row.secret and not row.variable.startswith("S3_")} | SECRETS.keys()
    assert not [name for name in secrets if re.search(rf"\b{name}\b", text)]


DOCUMENTS = [
    ROOT / ".env.example",
    *(ROOT / name for name in ("README.md", *CENTRAL[1:], *INFERENCE)),
    *sorted((ROOT / "docs").rglob("*.md")),
]
CHOICES = [
    (path, lines)
    for path in DOCUMENTS
    for lines in re.findall(r"(?:^#? *COMPOSE_(?:FILE|PROFILES)=.*\n){2}", path.read_text(), re.M)
]


def test_the_documents_choose_every_kind_of_files() -> None:
    assert {chosen(re.sub("^#? *", "", lines, flags=re.M))[0] for _, lines in CHOICES} >= NEEDED.keys()


@pytest.mark.parametrize(("document", "lines"), CHOICES, ids=lambda value: getattr(value, "name", ""))
def test_lines_in_the_documents_choose_files_and_profiles_that_are_there(document: Path, lines: str) -> None:
    files, profiles = chosen(re.sub("^#? *", "", lines, flags=re.M))
    [name] = [profile for profile in profiles if profile in PROFILES]
    assert PROFILES[name][0] == files[: len(PROFILES[name][0])], document
    assert set(profiles) - {name} <= BESIDE


NAMED = [(path, names) for path in DOCUMENTS for names in re.findall(r"COMPOSE_PROFILES=([\w,]+)", path.read_text())]


@pytest.mark.parametrize(("document", "names"), NAMED, ids=lambda value: getattr(value, "name", value))
def test_profiles_in_the_documents_are_there(document: Path, names: str) -> None:
    assert {*names.split(",")} <= PROFILES.keys() | {"gpu", *BESIDE}, document


def test_the_example_chooses_one_host_without_a_gpu() -> None:
    """What docker-compose.yaml alone starts."""
    assert chosen((ROOT / ".env.example").read_text()) == (SINGLE, ["single_host_cpu"])
    assert PROFILES["single_host_cpu"][1] == Compose(MAIN).enabled()
