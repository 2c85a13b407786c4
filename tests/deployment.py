"""The distributed form without a container engine: the services of docker-compose.yaml as processes.

Each runs the very command of its image, with the environment that the compose file gives it, in a
folder that holds what its Dockerfile copies and with the Python packages of its lock file alone.
What a container would have of its own is replaced: the hosts' names, /data, /app and the port.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.compose import COMPOSE, ROLES, dockerfile, interpolated, role_of
from tests.service import ROOT, Client, free_port

_READY_SECONDS = 60
_HEARTBEAT = dict(dockerfile("detector")["ENV"])["HEARTBEAT_FILE"]
# What docker-compose gives a container between SIGTERM and SIGKILL.
_STOP_SECONDS = int(COMPOSE["services"]["api"]["stop_grace_period"].removesuffix("s"))


class Images:
    """For each role a folder with what its image holds. real: packages installed by pip, as the image does it."""

    def __init__(self, folder: Path, *, real: bool = False) -> None:
        self.folder = folder
        for role in ROLES:
            for source, target in dockerfile(role)["COPY"]:
                place = self.app(role) / target
                place.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
                else:
                    shutil.copy(ROOT / source, place)
            (_install if real else _link)(self.python(role).parent.parent, role)

    def app(self, role: str) -> Path:
        """Its /app."""
        return self.folder / role / "app"

    def cwd(self, role: str) -> Path:
        """The folder that a command is started in."""
        return self.app(role)

    def command(self, service: str, folder: Path, words: list[str]) -> list[str]:
        """The words that start a container of a service with a command; folder: of the deployment."""
        return ["setpriv", "--pdeathsig", "TERM", *words]

    def command_in(self, pid: int, words: list[str]) -> list[str]:
        """The words that run a command in the container whose first process that is."""
        return words

    def places(self, folder: Path, name: str) -> dict[str, str]:
        """What stands for the places that a container has for itself; name: of the container."""
        return {"/data": str(folder / "data"), _HEARTBEAT: str(folder / f"logs/{name}.heartbeat")}

    def python(self, role: str) -> Path:
        """Its interpreter."""
        return self.folder / role / "env" / "bin" / "python"

    def files(self) -> list[str]:
        """All that lies in the folders /app."""
        return sorted(str(path) for role in ROLES for path in self.app(role).rglob("*"))


class Part:
    """A process of a service."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit status; none of its own processes may be left."""
        try:
            status = self.process.wait(_STOP_SECONDS)
        finally:
            left = self.kill()
        assert not left, f"{self.name} left behind: {left}"
        return status

    def kill(self) -> list[int]:
        """SIGKILL to all of it; which of its processes were there."""
        there = [p.pid for p in psutil.process_iter() if _group(p) == self.pid and p.status() != psutil.STATUS_ZOMBIE]
        if there:
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        return there

    def complaints(self) -> list[str]:
        """The lines of its log that are a warning or worse."""
        text = self.log.read_text(errors="replace")
        lines = re.findall(r"^.*(?:\b(?:WARNING|ERROR|CRITICAL)\b|Warning:|Traceback|\w+Error\b).*$", text, re.M)
        # Celery says so where the tests run as root; the images do not.
        return [line for line in lines if "superuser privileges" not in line]


class Deployment:
    """A distributed form. `values` is its .env; `links` replaces parts of the environment's values."""

    def __init__(self, images: Images, folder: Path, values: Mapping[str, str], links: Mapping[str, str]) -> None:
        self.images, self._folder = images, folder
        self.port = free_port()
        self._values = dict(values)
        self._links = dict(links)
        self.parts: list[Part] = []
        for name in ("data", "home", "logs"):
            (folder / name).mkdir(parents=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, service: str) -> Part:
        """One more container of a service."""
        role = role_of(service)
        name = f"{service}-{sum(part.name.startswith(service) for part in self.parts) + 1}"
        log = self._folder / "logs" / f"{name}.log"
        command = COMPOSE["services"][service].get("command") or dockerfile(role)["CMD"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.images.command(service, self._folder, command),
                cwd=self.images.cwd(role),
                env=self.environment(service, name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.parts.append(Part(name, process, log))
        return self.parts[-1]

    def environment(self, service: str, name: str) -> dict[str, str]:
        """What the process of a service has in its environment; name: of this one, whose /tmp is its own."""
        role = role_of(service)
        environ = {name: value.replace("/app", str(self.images.app(role))) for name, value in dockerfile(role)["ENV"]}
        for variable, value in COMPOSE["services"][service]["environment"].items():
            text = self._values.get(variable) if value is None else interpolated(str(value), self._values)
            if text is not None:
                environ[variable] = text
        for variable, value in environ.items():
            for old, new in (self.images.places(self._folder, name) | self._links).items():
                value = value.replace(old, new)
            environ[variable] = value
        if role == "api":
            environ.update(HOST="127.0.0.1", PORT=str(self.port))
        path = f"{self.images.python(role).parent}:/usr/bin:/bin"
        return {**environ, "PATH": path, "HOME": str(self._folder / "home")}

    def unhealthy(self, part: Part) -> str:
        """What the health check of the container says when it fails, else nothing."""
        service, _, _ = part.name.rpartition("-")
        kind, *words = COMPOSE["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        words = [word.replace(":8080/", f":{self.port}/") for word in words]
        done = subprocess.run(
            self.images.command_in(part.pid, words),
            cwd=self.images.cwd(role_of(service)),
            env=self.environment(service, part.name),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return (done.stderr.strip() or f"status {done.returncode}") if done.returncode else ""

    def up(self, detectors: int) -> "Deployment":
        """Migrate, start all, and wait until all are there."""
        status = self.start("migrate").wait()
        assert status == 0, self.parts[-1].log.read_text()
        for service in ("api", "processor", *["detector"] * detectors):
            self.start(service)
        return self.wait_for(detectors)

    def parts_of(self, service: str) -> list[Part]:
        """The running processes of a service."""
        return [part for part in self.parts if part.name.startswith(service) and part.process.poll() is None]

    def wait_for(self, detectors: int) -> "Deployment":
        """Return when the api is ready and knows of so many detectors."""
        deadline = time.monotonic() + _READY_SECONDS
        while self.workers() != {"processor": 1, "detector": detectors}:
            assert time.monotonic() < deadline, f"not ready: {self.workers()}\n{self.logs()[-6000:]}"
            time.sleep(0.1)
        return self

    def workers(self) -> Any:
        """What the api tells of its workers."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5)
        except httpx.TransportError:
            return None
        return answer.json()["workers"] if answer.status_code == 200 else answer.json()["checks"]

    def client(self, name: str) -> Client:
        return Client(self.url).register(name)

    def result_bytes(self, job: dict[str, Any]) -> bytes:
        path = self._folder / f"data/storage/videos/{job['video_id']}/jobs/{job['id']}/result"
        return path.read_bytes()

    def logs(self) -> str:
        return "".join(f"--- {part.name}\n{part.log.read_text(errors='replace')}" for part in self.parts)

    def stop(self) -> dict[str, int]:
        """Stop the api and then the workers, as an operator would; the exit status of each."""
        running = [part for part in self.parts if part.process.poll() is None]
        for part in running:
            part.terminate()
        return {part.name: part.wait() for part in running}

    def kill(self) -> None:
        """Leave nothing behind, whatever happened."""
        for part in self.parts:
            part.kill()


def _link(environment: Path, role: str) -> None:
    """A virtual environment of links to the packages that the tests run with, those of the role alone."""
    packages = environment / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (environment / "bin").mkdir()
    base = Path(os.path.realpath(sys.executable))
    (environment / "bin/python").symlink_to(base)
    (environment / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    lock = (ROOT / f"requirements/{role}.txt").read_text()
    for name, version in re.findall(r"^([\w.-]+)==([\w.+!-]+)", lock, re.M):
        distribution = metadata.distribution(name)
        assert distribution.version == version, f"{name} is installed as {distribution.version}, locked is {version}"
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            if not link.is_symlink():
                link.symlink_to(str(distribution.locate_file(top)))


def _install(environment: Path, role: str) -> None:
    """A virtual environment made as the Dockerfile makes it."""
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    (line,) = re.findall(r"^RUN (pip install .*)$", (ROOT / role / "Dockerfile").read_text(), re.M)
    command = [str(environment / "bin/python"), "-m", *shlex.split(line), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=900)


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
