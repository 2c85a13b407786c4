"""The settings table, what `load` makes of an environment, and the files that say the same."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from cli.embedded.up import EmbeddedService, roles
from contracts.errors import SettingsError
from contracts.settings.checks import risks
from contracts.settings.fields import ROLES, Role
from contracts.settings.load import load
from contracts.settings.sections.videos import PROBE_MAX_SECONDS
from contracts.settings.table import SECTIONS, Row, Settings, table
from contracts.workers.celery_app import SOFT_LIMIT_SECONDS

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
LINKS = {"BROKER_URL": "redis://there", "RESULT_STORE_URL": "redis://there"}
GOOD = {**LINKS, "DATABASE_URL": "sqlite://", "JWT_SECRET_KEY": "0123456789abcdef" * 2}
OF_COMPOSE = {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "FLOWER_PASSWORD", "USER_ID", "WEBRTC_BIND"}
# The containers have fixed places and one worker each.
NOT_IN_COMPOSE = {
    "STORAGE_DIR",
    "MODELS_DIR",
    "PAGE_DIR",
    "HOST",
    "PORT",
    "DETECTOR_WORKERS",
    "DETECTOR_PYTHON",
    "HEARTBEAT_FILE",
}


def problems(role: Role, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(role, environ)
    return [line.strip() for line in caught.value.detail.splitlines()[1:]]


def test_every_setting_has_a_default_a_help_text_and_a_reader() -> None:
    assert Settings.__bases__ == tuple(SECTIONS.values())
    assert all(row.help.endswith(".") and set(row.roles) <= set(ROLES) and row.roles for row in table())
    assert load("api", GOOD) == Settings(
        database_url="sqlite://",
        jwt_secret_key=GOOD["JWT_SECRET_KEY"],
        broker_url=LINKS["BROKER_URL"],
        result_store_url=LINKS["RESULT_STORE_URL"],
    )


def test_text_is_converted_to_the_type_of_the_setting() -> None:
    settings = load("processor", {**GOOD, "CHUNK_SIZE": " 12 ", "PRECISION": "fp32", "PORT": ""})
    assert (settings.chunk_size, settings.precision, settings.port) == (12, "fp32", 8080)


def test_all_problems_are_named_at_once() -> None:
    found = problems("api", {"PORT": "70000", "API_WORKERS": "two", "LOG_LEVEL": "loud", "BROKER_URL": "x"})
    assert [re.split(r"[ =]", line)[0] for line in found] == [
        "DATABASE_URL",
        "RESULT_STORE_URL",
        "PORT",
        "API_WORKERS",
        "JWT_SECRET_KEY",
        "LOG_LEVEL",
    ]


@pytest.mark.parametrize(
    "value", ["changeme", "CHANGE_ME", "change-this-secret-before-you-start-it", "<random>", "todo"]
)
def test_placeholder_is_refused_as_a_secret(value: str) -> None:
    (line,) = problems("api", {**GOOD, "JWT_SECRET_KEY": value})
    assert line.startswith("JWT_SECRET_KEY is a placeholder")


def test_a_short_secret_is_refused_and_not_repeated() -> None:
    (line,) = problems("api", {**GOOD, "JWT_SECRET_KEY": "x7" * 15})
    assert line == "JWT_SECRET_KEY is shorter than 32 characters"


BUCKET = {"STORAGE_URL": "s3://video-1/a/b", "S3_ACCESS_KEY_ID": "AKIA1", "S3_SECRET_ACCESS_KEY": "short"}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://video-1", ("video-1", "")),
        ("s3://video-1/", ("video-1", "")),
        ("s3://my.bucket/web_detector/Site.2/", ("my.bucket", "web_detector/Site.2")),
    ],
)
def test_bucket_replaces_the_folder(url: str, place: tuple[str, str]) -> None:
    assert load("detector", {**LINKS, **BUCKET, "STORAGE_URL": url}).storage_bucket == place
    assert load("detector", LINKS).storage_bucket is None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"STORAGE_URL": "https://video-1"}, ["STORAGE_URL"]),
        ({"STORAGE_URL": "s3://Video"}, ["STORAGE_URL"]),
        ({"STORAGE_URL": "s3://video-1/../x"}, ["STORAGE_URL"]),
        ({"STORAGE_URL": "s3://video-1//x"}, ["STORAGE_URL"]),
        ({"STORAGE_DIR": "/srv"}, ["STORAGE_URL"]),
        ({"S3_ENDPOINT_URL": "store:9000", "S3_ACCESS_KEY_ID": ""}, ["S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID"]),
        ({"S3_SECRET_ACCESS_KEY": "changeme"}, ["S3_SECRET_ACCESS_KEY"]),
        ({"S3_SECRET_ACCESS_KEY": ""}, ["S3_SECRET_ACCESS_KEY"]),
        ({"STORAGE_URL": ""}, ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"]),
        (
            {"S3_ENDPOINT_URL": "http://store:9000", "S3_ACCESS_KEY_ID": "", "S3_SECRET_ACCESS_KEY": ""},
            ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"],
        ),
    ],
)
def test_inconsistent_settings_are_named(role: Role, changes: dict[str, str], named: list[str]) -> None:
    found = problems(role, {**GOOD, **BUCKET, **changes})
    assert [re.split(r"[ =:]", line)[0] for line in found] == named
    assert "short" not in "".join(found)


def test_a_probe_ends_before_the_task_that_makes_it() -> None:
    assert PROBE_MAX_SECONDS < SOFT_LIMIT_SECONDS
    with pytest.raises(SettingsError, match="PROBE_TIMEOUT_SECONDS='541'"):
        load(None, {"PROBE_TIMEOUT_SECONDS": "541"})


def test_iam_role_needs_no_keys() -> None:
    assert load("api", {**GOOD, "STORAGE_URL": "s3://video-1"}).storage_bucket


def test_role_requires_only_its_own_settings() -> None:
    assert load("detector", LINKS).database_url == ""
    assert load("processor", {**LINKS, "DATABASE_URL": "sqlite://"}).jwt_secret_key == ""
    assert load("detector", {**LINKS, "JWT_SECRET_KEY": "changeme"})


def test_networks_are_read_and_wrong_ones_named() -> None:
    settings = load("api", {**GOOD, "IMPORT_ALLOW_NETWORKS": "10.1.0.0/16, fd00::/8,127.0.0.1"})
    assert [str(network) for network in settings.import_networks] == ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"]
    for wrong in ("10.1.2.3/16", "intranet", "10.0.0.0/33", "10.0.0.0/8;11.0.0.0/8"):
        (line,) = problems("api", {**GOOD, "IMPORT_ALLOW_NETWORKS": f"10.1.0.0/16,{wrong}"})
        assert line.startswith("IMPORT_ALLOW_NETWORKS=")
        assert wrong.partition("/")[0] in line


@pytest.mark.parametrize("role", ROLES)
def test_missing_required_settings_are_named(role: Role) -> None:
    required = [row.variable for row in table() if row.required and role in row.roles]
    assert [line.split()[0] for line in problems(role, {})] == required


POSTGRES = "postgresql+pg8000://u:hidden@there/db"


def test_redis_url_defaults_to_a_redis_result_store() -> None:
    assert load("detector", LINKS).coordination_url == "redis://there"
    assert load("detector", {**LINKS, "REDIS_URL": "rediss://other"}).coordination_url == "rediss://other"


def test_postgresql_result_store_requires_redis_url() -> None:
    apart = {**LINKS, "RESULT_STORE_URL": POSTGRES, "REDIS_URL": "unix:///run/redis.sock"}
    assert load("detector", apart).coordination_url == "unix:///run/redis.sock"
    (line,) = problems("detector", {**LINKS, "RESULT_STORE_URL": POSTGRES})
    assert line.startswith("REDIS_URL is not set")


@pytest.mark.parametrize(
    ("variable", "url", "said"),
    [
        ("RESULT_STORE_URL", "mongodb://u:hidden@there", "begins with 'mongodb': a result store begins with redis://"),
        ("RESULT_STORE_URL", "u:hidden@there", "begins with ''"),
        ("RESULT_STORE_URL", f"{POSTGRES}?sslmode=maybe", "has sslmode=maybe"),
        ("REDIS_URL", POSTGRES, "begins with 'postgresql+pg8000': Redis begins with redis://, rediss://, unix://"),
    ],
)
def test_wrong_url_is_named_with_the_valid_schemes_and_without_its_password(variable: str, url: str, said: str) -> None:
    (line,) = problems("processor", {**GOOD, variable: url})
    assert line.startswith(f"{variable} {said}")
    assert "hidden" not in line


def test_an_open_service_without_quotas_is_a_risk_unless_only_this_machine_reaches_it() -> None:
    (said,) = risks(load("api", {**GOOD, "HOST": "0.0.0.0"}))  # noqa: S104
    assert all(name in said for name in ("HOST=0.0.0.0", "REGISTRATION=closed", "QUOTA_STORED_BYTES"))
    for settings in (
        {},
        {"HOST": "::1"},
        {"HOST": "localhost"},
        {"HOST": "::", "REGISTRATION": "closed"},
        {"HOST": "::", "QUOTA_ACTIVE_JOBS": "4"},
    ):
        assert risks(load("api", {**GOOD, **settings})) == []


def readers(row: Row) -> str:
    return "all" if set(row.roles) == set(ROLES) else ", ".join(row.roles)


def test_settings_page_equals_the_table() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    found = []
    for part in page.split("\n## ")[1:]:
        section, head, rows = part.partition(
            "\n\n| Setting | Default | What it is | Read by |\n| --- | --- | --- | --- |\n"
        )
        if head:
            lines = rows.partition("\n\n")[0].splitlines()
            found += [[section, *line.strip("| ").split(" | ")] for line in lines]
    assert found == [[row.section, f"`{row.variable}`", shown_default(row), row.help, readers(row)] for row in table()]


def shown_default(row: Row) -> str:
    if row.required:
        return "**required**"
    return f"`{row.default}`" if row.default else "empty"


def test_example_environment_equals_the_table() -> None:
    text = (ROOT / ".env.example").read_text()
    lines = text[: text.index("# Of docker-compose.yaml alone")].splitlines()
    assert [line.strip("# -") for line in lines if line.startswith("# ---")] == list(SECTIONS)
    entries = {line: comment for comment, line in pairwise(lines) if re.match(r"(# )?[A-Z0-9_]+=", line)}
    assert entries == {
        (f"{row.variable}=" if row.required else f"# {row.variable}={row.default}"): (
            f"# {row.help} [{'required by' if row.required else 'read by'}: {readers(row)}]"
        )
        for row in table()
    }


def test_example_environment_is_refused_until_it_is_filled_in() -> None:
    text = (ROOT / ".env.example").read_text()
    environ = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert len(problems("api", environ)) == 4


@pytest.mark.parametrize("role", ROLES)
def test_a_service_of_the_compose_file_passes_on_its_own_settings(role: Role) -> None:
    wanted = {row.variable for row in table() if role in row.roles}
    assert set(COMPOSE["services"][role]["environment"]) == wanted - NOT_IN_COMPOSE


def test_the_compose_file_names_only_known_variables() -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) <= {row.variable for row in table()} | OF_COMPOSE


def test_variables_of_the_compose_file_are_in_the_example_and_on_the_page() -> None:
    example, page = (ROOT / ".env.example").read_text(), (ROOT / "docs" / "settings.md").read_text()
    assert all(re.search(rf"^(# )?{name}=", example, re.M) and f"`{name}`" in page for name in OF_COMPOSE)


@pytest.mark.parametrize("role", ROLES)
def test_image_runs_the_same_command_as_embedded_mode(role: Role, tmp_path: Path) -> None:
    form = EmbeddedService({}, load("api", GOOD), tmp_path, tmp_path, False, 2)
    (process,) = [process for process in roles(form) if process.name.split("-")[0] == role]
    text = (ROOT / role / "Dockerfile").read_text().rsplit("\nCMD ", 1)[1]
    words = re.sub(r'[\[\]",\\]', " ", text).split()
    expected = [{"127.0.0.1:8080": "${HOST}:${PORT}", "2": "${API_WORKERS:-2}"}.get(w, w) for w in process.command[1:]]
    assert words[words.index("python") + 1 :] == expected


def test_detector_python_applies_only_to_embedded_detectors(tmp_path: Path) -> None:
    (line,) = problems("detector", {**LINKS, "DETECTOR_PYTHON": str(tmp_path)})
    assert line.startswith("DETECTOR_PYTHON=")
    settings = load("api", {**GOOD, "DETECTOR_PYTHON": "/bin/sh"})
    for process in roles(EmbeddedService({}, settings, tmp_path, tmp_path, False, 2)):
        own = process.name.startswith(("detector", "live"))
        assert process.command[0] == ("/bin/sh" if own else sys.executable)
        # It need not have the service installed.
        assert process.env.get("PYTHONPATH") == (str(ROOT) if own else None)
