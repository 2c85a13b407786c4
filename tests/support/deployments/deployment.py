"""Distributed mode without a container engine: the services of docker-compose.yaml as processes.

Each service runs the command of its image, with the environment of the compose file, in a folder with the files that
its Dockerfile copies, and with the Python packages of its lock file only. Host names, /data, /app and ports are
replaced.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from contracts.workers.registration import WORKERS
from tests.support.deployments import recovery_times
from tests.support.deployments.compose import COMPOSE, ROLES, Compose, dockerfile
from tests.support.deployments.service import ROOT, Service, family, free_port

_READY_SECONDS = 180
_HEARTBEAT = dict(dockerfile("detector")["ENV"])["HEARTBEAT_FILE"]
# Time of docker compose between SIGTERM and SIGKILL.
# Without an engine that knows shares: niceness, and that of the session, where sessions are scheduled as one.
_STEP_BACK = ["sh", "-c", 'echo "$0" 2>/dev/null >/proc/self/autogroup; exec nice -n "$0" "$@"']
_STOP_SECONDS = int(COMPOSE.services["api"]["stop_grace_period"].removesuffix("s"))


class Images:
    """A folder per role with the content of its image. real: packages installed by pip, as in the image. root: the tree
    that it is of, which may have no built page: then it gets that of this one."""

    def __init__(self, folder: Path, *, real: bool = False, root: Path = ROOT) -> None:
        self.folder = folder
        for role in ROLES:
            for source, target in dockerfile(role, root)["COPY"]:
                place = self.app(role) / target
                place.parent.mkdir(parents=True, exist_ok=True)
                if (root / source).is_dir():
                    shutil.copytree(root / source, place, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
                else:
                    shutil.copy(root / source, place)
            for source, target in dockerfile(role, root)["BUILT"]:
                if (built := ROOT / Path(source).relative_to("/app")).is_dir():
                    shutil.copytree(built, self.app(role) / target)
            (_install if real else _link)(self.python(role).parent.parent, role, root)

    def app(self, role: str) -> Path:
        """Its /app."""
        return self.folder / role / "app"

    def cwd(self, role: str) -> Path:
        """Working directory of a command."""
        return self.app(role)

    def command(self, service: str, folder: Path, words: list[str]) -> list[str]:
        """The command line that starts a container of a service; folder: of the deployment."""
        return words

    def command_in(self, pid: int, words: list[str]) -> list[str]:
        """The command line that runs a command in the container of this process."""
        return words

    def places(self, folder: Path, name: str) -> dict[str, str]:
        """Replacements for the private folders of a container; name: of the container."""
        return {"/data": str(folder / "data"), _HEARTBEAT: str(folder / f"logs/{name}.heartbeat")}

    def temporary(self, folder: Path, name: str) -> dict[str, str]:
        """Variables that give a container its own /tmp."""
        place = folder / "tmp" / name
        place.mkdir(parents=True, exist_ok=True)
        return {"TMPDIR": str(place)}

    def python(self, role: str) -> Path:
        """Its interpreter."""
        return self.folder / role / "env" / "bin" / "python"

    def files(self) -> list[str]:
        """All files in the folders /app."""
        return sorted(str(path) for role in ROLES for path in self.app(role).rglob("*"))


class Part:
    """A process of a service."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log
        self.expected = True  # to be there

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; returns the exit status. No child process may be left."""
        self.expected = False
        try:
            status = self.process.wait(_STOP_SECONDS)
        finally:
            left = self.kill()
        assert not left, f"{self.name} left behind: {left}"
        return status

    def kill(self) -> list[int]:
        """SIGKILL to the whole process tree; returns the killed processes."""
        self.expected = False
        there = [p.pid for p in psutil.process_iter() if _group(p) == self.pid and p.status() != psutil.STATUS_ZOMBIE]
        if there:
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        return there

    def complaints(self) -> list[str]:
        """Warnings and errors in its log."""
        text = self.log.read_text(errors="replace")
        lines = re.findall(r"^.*(?:\b(?:WARNING|ERROR|CRITICAL)\b|Warning:|Traceback|\w+Error\b).*$", text, re.M)
        # Celery says so where the tests run as root; the images do not.
        return [line for line in lines if "superuser privileges" not in line]


class Containers:
    """The containers of compose files on one host. values: of .env. links: replacements in values of the environment.
    enter: command prefix that runs a command on that host."""

    def __init__(
        self,
        compose: Compose,
        images: Images,
        folder: Path,
        values: Mapping[str, str],
        links: Mapping[str, str],
        enter: Sequence[str] = (),
    ) -> None:
        unknown = [name for name in values if name not in compose.text]
        assert not unknown, f"the compose file does not pass on {unknown}"
        self._compose, self._images, self._folder = compose, images, folder
        self.enter = list(enter)  # for containers added from now on
        self._values = dict(values)
        self._links = dict(links)
        self.parts: list[Part] = []
        for name in ("data", "home", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, service: str) -> Part:
        """Start another container of a service."""
        recovery_times.started()
        name = f"{service}-{sum(part.name.startswith(service) for part in self.parts) + 1}"
        log = self._folder / "logs" / f"{name}.log"
        command = self._compose.command(service, self._values)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *_STEP_BACK,
                    str(self._compose.niceness(service)),
                    "setpriv",
                    "--pdeathsig",
                    "TERM",
                    *self.enter,
                    *self._images.command(service, self._folder, command),
                ],
                cwd=self._images.cwd(self._compose.role(service)),
                env=self.environment(service, name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.parts.append(Part(name, process, log))
        return self.parts[-1]

    def revive(self) -> list[Part]:
        """Restart containers that ended, as `restart` of the compose file does; returns them."""
        ended = [part for part in self.parts if part.expected and part.process.poll() is not None]
        for part in ended:
            part.kill()
            self.add(part.name.rpartition("-")[0])
        return ended

    def environment(self, service: str, name: str) -> dict[str, str]:
        """The environment of a container of a service; name: of the container, which has its own /tmp."""
        role = self._compose.role(service)
        environ = self._compose.environment(service, self._values)
        places = {"/app": str(self._images.app(role)), **self._images.places(self._folder, name), **self._links}
        for variable, value in environ.items():
            for old, new in places.items():
                value = value.replace(old, new)
            environ[variable] = value
        path = f"{self._images.python(role).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        temporary = self._images.temporary(self._folder, name)
        return {**environ, **temporary, "PATH": path, "HOME": str(self._folder / "home")}

    def temporary(self, name: str) -> Path:
        """Folder of the temporary files of a container."""
        return self._folder / "tmp" / name

    def parts_of(self, service: str) -> list[Part]:
        """The running processes of a service."""
        return [part for part in self.parts if part.name.startswith(service) and part.process.poll() is None]

    def processes(self, pattern: str = "") -> list[psutil.Process]:
        return [process for part in self.parts for process in family(part.pid, pattern)]

    def logs(self) -> str:
        return "".join(f"--- {part.name}\n{part.log.read_text(errors='replace')}" for part in self.parts)

    def stop(self) -> int:
        """SIGTERM to all, the api first; returns 0 when all ended cleanly."""
        running = [part for part in self.parts if part.expected]
        early = [part.name for part in running if part.process.poll() is not None]
        assert not early, f"ended without being told: {early}\n{self.logs()[-6000:]}"
        for part in running:
            part.terminate()
        statuses = {part.name: part.wait() for part in running}
        if any(statuses.values()):
            print(f"{statuses}\n{self.logs()[-6000:]}")
        return max(statuses.values(), key=abs, default=0)

    def complaints(self) -> list[str]:
        """Warnings and errors in all logs."""
        return [line for part in self.parts for line in part.complaints()]

    def kill(self) -> None:
        """Kill everything that is left."""
        for part in self.parts:
            part.kill()


class Deployment(Containers, Service):
    """Distributed mode on one host, with a number of detectors."""

    def __init__(
        self,
        compose: Compose,
        images: Images,
        folder: Path,
        values: Mapping[str, str],
        links: Mapping[str, str],
        detectors: int,
    ) -> None:
        super().__init__(compose, images, folder, values, links)
        self._detectors = detectors
        self.port = free_port()

    def start(self) -> Self:
        status = self.add("migrate").wait()
        assert status == 0, self.parts[-1].log.read_text()
        for service in ("api", "processor", "renderer", "ingest", "live-detector", *["detector"] * self._detectors):
            self.add(service)
        return self.wait_for(self._detectors)

    def environment(self, service: str, name: str) -> dict[str, str]:
        environ = super().environment(service, name)
        return {**environ, "HOST": "127.0.0.1", "PORT": str(self.port)} if service == "api" else environ

    def storage(self) -> Path:
        return self._folder / "data/storage"

    def unhealthy(self, part: Part) -> str:
        """Output of the failed health check of a container, else empty."""
        service, _, _ = part.name.rpartition("-")
        kind, *words = self._compose.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        words = [word.replace(":8080/", f":{self.port}/") for word in words]
        done = subprocess.run(
            self._images.command_in(part.pid, words),
            cwd=self._images.cwd(self._compose.role(service)),
            env=self.environment(service, part.name),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return (done.stderr.strip() or f"status {done.returncode}") if done.returncode else ""

    def wait_for(self, detectors: int) -> Self:
        """Wait until the api is ready and counts this many detectors."""
        deadline = time.monotonic() + _READY_SECONDS
        wanted = {**dict.fromkeys(WORKERS, 1), "detector": detectors}
        while self.workers() != wanted:
            assert time.monotonic() < deadline, f"not ready: {self.workers()}\n{self.logs()[-6000:]}"
            time.sleep(0.1)
        return self

    def workers(self) -> Any:
        """Worker counts of the api."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5)
        except httpx.TransportError:
            return None
        return answer.json()["workers"] if answer.status_code == 200 else answer.json()["checks"]


def _link(environment: Path, role: str, root: Path) -> None:
    """A virtual environment of links to the tests' packages, only those of the role."""
    packages = environment / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (environment / "bin").mkdir()
    base = Path(os.path.realpath(sys.executable))
    (environment / "bin/python").symlink_to(base)
    (environment / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    lock = (root / f"requirements/{role}.txt").read_text()
    for name, version in re.findall(r"^([\w.-]+)==([\w.+!-]+)", lock, re.M):
        distribution = metadata.distribution(name)
        assert distribution.version == version, f"{name} is installed as {distribution.version}, locked is {version}"
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            if not link.is_symlink():
                link.symlink_to(str(distribution.locate_file(top)))


def _install(environment: Path, role: str, root: Path) -> None:
    """A virtual environment built as in the Dockerfile."""
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    (line,) = re.findall(r"^RUN python (tools/install_packages.py .*)$", (root / role / "Dockerfile").read_text(), re.M)
    # Arguments of the build have their defaults, which are empty.
    command = [str(environment / "bin/python"), *shlex.split(re.sub(r"\$\{\w+\}", "", line))]
    subprocess.run(command, cwd=root, check=True, timeout=900, stdout=subprocess.DEVNULL)


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
