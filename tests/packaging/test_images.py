"""The images, built from their Dockerfiles on a stand-in for the base, looked at and run.

What only the real base has is not shown here: its Python is 3.13.15, the stand-in's is Debian's 3.13.5.
"""

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.settings.table import table
from tests.support.deployments.compose import ROLES, dockerfile, entry_and_foreign
from tests.support.deployments.deployment import Deployment
from tests.support.deployments.images import USER_ID, BuiltImages, environment
from tests.support.deployments.modes import DistributedMode, Servers
from tests.support.deployments.service import ROOT
from tests.support.requirements import missing
from tests.support.servers.debian import require

pytestmark = pytest.mark.images
# Files beyond the base.
MOST_MB = {"api": 150, "processor": 240, "detector": 420, "ingest": 260}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltImages]:
    require("buildah", "debootstrap", "setpriv", "unshare", "nsenter")
    if os.geteuid() != 0:
        missing("a build without an engine needs root")
    built = BuiltImages(tmp_path_factory.mktemp("images"))
    try:
        for role in ROLES:
            built.build(role)
        yield built
    finally:
        built.remove()


def run(images: BuiltImages, role: str, folder: Path, words: list[str]) -> "subprocess.CompletedProcess[str]":
    """A command in a container of a role that was given no setting."""
    (folder / "data").mkdir(exist_ok=True)
    command = images.command(role, folder, words)
    return subprocess.run(command, env=environment(role), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("role", ROLES)
def test_an_image_is_for_the_user_it_was_built_for(images: BuiltImages, role: str, tmp_path: Path) -> None:
    config = images.inspect(images.name(role))["config"]
    assert config["User"] == f"{USER_ID}:{USER_ID}"
    assert (config["WorkingDir"], config["Cmd"]) == ("/app", dockerfile(role)["CMD"])
    assert config["Labels"].items() >= dict(dockerfile(role)["LABEL"]).items()
    data = (images.root(role) / "data").stat()
    assert (data.st_uid, data.st_gid) == (USER_ID, USER_ID)
    code = "import os; print(os.getuid(), os.getgid(), os.getgroups(), os.getcwd())"
    assert run(images, role, tmp_path, ["python", "-c", code]).stdout == f"{USER_ID} {USER_ID} [] /app\n"


@pytest.mark.parametrize("role", ROLES)
def test_image_contains_what_it_copies_and_no_build_leftovers(images: BuiltImages, role: str) -> None:
    root = images.root(role)
    wanted = set()
    for source, target in dockerfile(role)["COPY"]:
        found = [ROOT / source] if (ROOT / source).is_file() else (ROOT / source).rglob("*")
        files = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
        wanted |= {Path(target) / path.relative_to(ROOT / source) for path in files}
    there = {path.relative_to(root / "app") for path in (root / "app").rglob("*") if path.is_file()}
    built = {path for path in there if any(path.is_relative_to(target) for _, target in dockerfile(role)["BUILT"])}
    assert there - built == wanted
    assert (Path("web/dist/index.html") in built) is (role == "api")
    # A package of Python may well have a folder of that name.
    node = [path for path in root.rglob("*") if path.name in ("node", "npm") and not path.is_dir()]
    assert [*node, *root.rglob("node_modules")] == []
    assert list((root / "data").iterdir()) == []
    for place in ("root", "tmp", "var/tmp", "home"):
        assert [str(path) for path in (root / place).rglob("*") if path.is_file() and path.name[0] != "."] == []
    assert not (root / "root/.cache").exists()
    assert not (root / "etc/pip.conf").exists() or (root / "etc/pip.conf").read_bytes() == b""
    assert [*root.rglob(".env*"), *root.rglob(".git")] == []


@pytest.mark.parametrize("role", ROLES)
def test_image_user_owns_only_the_data_folder(images: BuiltImages, role: str) -> None:
    found = []
    for folder, _, names in os.walk(images.root(role)):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            info = os.lstat(path)
            public = info.st_mode & stat.S_IWOTH and not stat.S_ISLNK(info.st_mode) and not info.st_mode & stat.S_ISVTX
            if info.st_uid == USER_ID or info.st_gid == USER_ID or (public and stat.S_ISREG(info.st_mode)):
                found.append(path)
    assert found == [str(images.root(role) / "data")]


@pytest.mark.parametrize("role", ROLES)
def test_image_history_contains_no_secret_and_no_machine_path(images: BuiltImages, role: str) -> None:
    found = images.inspect(images.name(role))
    text = str(found)
    for word in ("pip.conf", "cert", "index-url", "PASSWORD", "SECRET"):
        assert word not in text.replace("--require-hashes", ""), word
    variables = dict(pair.split("=", 1) for pair in found["config"]["Env"])
    assert variables.items() >= dict(dockerfile(role)["ENV"]).items()
    assert set(variables) - set(dict(dockerfile(role)["ENV"])) <= {"PATH", "LANG"}


@pytest.mark.parametrize("role", ROLES)
def test_image_contains_only_imports_of_its_role(images: BuiltImages, role: str, tmp_path: Path) -> None:
    done = run(images, role, tmp_path, ["python", "-c", entry_and_foreign(role)])
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize("role", ROLES)
def test_container_without_settings_exits_and_names_the_missing_ones(
    images: BuiltImages, role: str, tmp_path: Path
) -> None:
    done = run(images, role, tmp_path, dockerfile(role)["CMD"])
    assert done.returncode != 0
    for row in table():
        asked_for = row.required and role in row.roles
        assert (f"{row.variable} is not set" in done.stdout + done.stderr) is asked_for, done.stderr


@pytest.mark.parametrize("role", ROLES)
def test_container_can_write_only_to_tmp_and_data(images: BuiltImages, role: str, tmp_path: Path) -> None:
    code = """
import os
for place in ("/", "/app", "/usr/local/lib", "/data", "/tmp", "/root", "/var/tmp"):
    try:
        open(place + "/x", "w").close(); print(place)
    except OSError: pass
"""
    done = run(images, role, tmp_path, ["python", "-c", code])
    assert done.stdout.split() == (["/tmp"] if role == "detector" else ["/data", "/tmp"])  # noqa: S108


@pytest.fixture(scope="module")
def running(images: BuiltImages, starting: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Distributed mode out of the images."""
    for server in (starting.redis, starting.postgres, starting.rabbitmq):
        server.wait()
    mode = DistributedMode("rabbitmq", "postgres", starting, images)
    settings = {"CHUNK_SIZE": 48, "DETECTOR_THREADS": 1, "DETECTOR_WORKERS": 2}
    with mode.run(tmp_path_factory.mktemp("running"), **settings) as deployment:
        yield deployment
    assert deployment.complaints() == []


def test_containers_give_the_result_file_of_embedded_mode(running: Deployment, sample: Path, expected: bytes) -> None:
    job = running.client().detect(sample)
    assert job["state"] == "succeeded", job
    assert running.result_bytes(job) == expected


def test_the_health_checks_run_in_the_containers(running: Deployment) -> None:
    names = ("api", "processor", "renderer", "ingest", "live-detector", "detector")
    parts = [part for name in names for part in running.parts_of(name)]
    assert len(parts) == 7
    assert {part.name: running.unhealthy(part) for part in parts} == {part.name: "" for part in parts}


def test_a_container_of_the_gpu_service_starts_and_waits_for_an_engine(running: Deployment) -> None:
    part = running.add("detector-gpu")
    deadline = time.monotonic() + 60
    while reason := running.unhealthy(part):
        assert time.monotonic() < deadline, reason
        time.sleep(0.2)
    part.terminate()
    assert part.wait() == 0


def test_two_builds_are_one_image_and_list_what_it_holds(images: BuiltImages, tmp_path: Path) -> None:
    first, second = (images.by_script("ingest", f"build{number}", tmp_path / str(number)) for number in (1, 2))
    assert first == second
    name = "web-detector-ingest.cdx.json"
    assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    purls = {component["purl"] for component in json.loads((tmp_path / "1" / name).read_bytes())["components"]}
    lines = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements/ingest.txt").read_text(), re.M)
    assert {f"pkg:pypi/{package}@{version}" for package, version in lines} <= purls
    assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in purls)


def test_image_sizes_are_those_in_the_docs(images: BuiltImages, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        name: images.sizes(image) for name, image in {"base": images.base, **{r: images.name(r) for r in ROLES}}.items()
    }
    with capsys.disabled():
        for name, (files, packed) in sizes.items():
            print(f"\n{name}: {files:.0f} MB of files, {packed:.0f} MB packed", end="")
        print()
    page = (ROOT / "docs/deploy.md").read_text()
    for role in ROLES:
        (row,) = re.findall(rf"^\| {role} \| (\d+) MB \| (\d+) MB \|", page, re.M)
        added = [own - base for own, base in zip(sizes[role], sizes["base"], strict=True)]
        assert added == pytest.approx([float(figure) for figure in row], rel=0.1)
        assert added[0] <= MOST_MB[role]
