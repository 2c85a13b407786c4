"""Embedded mode: its processes, and `web-detector up`, which runs them."""

import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.embedded import tables, valkey
from cli.embedded.data_dir import DATABASE, DataDir, open_data_dir, secret_environment, write_addresses
from cli.embedded.guard import Guard
from cli.embedded.metrics_ports import ports, with_port
from cli.embedded.process import Process
from cli.embedded.supervisor import Failed, Stopped, Supervisor
from contracts.errors import SettingsError
from contracts.results.urls import is_redis
from contracts.runtime import telemetry
from contracts.settings.fields import ROLES, Role
from contracts.settings.load import load
from contracts.settings.table import Settings, table

ROOT = Path(__file__).resolve().parents[2]
_MIGRATIONS = ROOT / "migrations"
_READY_SECONDS = 120
_API, _WORKERS, _SERVER = range(3)  # stages, in stop order
_LIVE_NICENESS = 1  # a stream does not wait, a job does
_WORKER_NICENESS = 3  # about half the CPU weight of the others, as in the compose file


@dataclass(frozen=True, slots=True)
class EmbeddedService:
    """An embedded service: its environment, settings, and folders."""

    environ: Mapping[str, str]
    settings: Settings
    data_dir: Path
    sockets: Path
    log_files: bool
    cores: int

    @property
    def uses_bundled_valkey(self) -> bool:
        """Whether the broker, the result store or Redis is the bundled Valkey."""
        settings = self.settings
        return any(
            str(self.sockets) in url for url in (settings.broker_url, settings.result_store_url, settings.redis_url)
        )

    def environ_of(self, role: Role | None) -> dict[str, str]:
        """The environment of a role's process, without the secrets of others; None: without any."""
        others = {row.variable for row in table() if row.secret and role not in row.roles}
        return {name: value for name, value in self.environ.items() if name not in others}

    @property
    def detectors(self) -> int:
        """Number of detector workers."""
        return self.settings.detector_workers or max(1, self.cores // 4)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the api for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)  # noqa: S104
        return host, self.settings.port

    @property
    def url(self) -> str:
        """URL of the api for clients on this machine."""
        return "http://{}:{}".format(*_bracketed(*self.address))


def up(*, log_files: bool = False) -> int:
    """Run the service in the foreground until a signal.

    log_files: write logs to DATA_DIR/logs instead of stderr. Returns the exit status: 0 after a signal,
    1 for errors, 2 for wrong settings.
    """
    try:
        with Supervisor() as supervisor, open_data_dir(os.environ.get("DATA_DIR", "").strip() or "data") as data_dir:
            _serve(supervisor, data_dir, log_files)
    except Stopped:
        return 0
    except SettingsError as error:
        print(error.detail, file=sys.stderr)
        return 2
    except Failed as error:
        print(f"web-detector: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(supervisor: Supervisor, data_dir: DataDir, log_files: bool) -> None:
    sockets = valkey.socket_folder()
    # From here on the guard removes the folder.
    supervisor.guarded_by(Guard(sockets, data_dir.lock))
    environ = environment(os.environ, data_dir, sockets)
    service = EmbeddedService(environ, check(environ), data_dir.path, sockets, log_files, len(os.sched_getaffinity(0)))
    settings, processes = service.settings, roles(service)
    metered = ports(settings.metrics_port, processes)
    _require_free(settings.host, settings.port, "PORT")
    for port in metered.values():
        _require_free(settings.metrics_host, port, "METRICS_PORT")
    write_addresses(data_dir, environ)
    _prepare(supervisor, service)
    for process in processes:
        supervisor.start(with_port(process, metered))
    supervisor.wait_for(partial(is_ready, service), _READY_SECONDS, "starting")
    print(f"ready at {service.url} (API docs: {service.url}/docs)", flush=True)
    supervisor.run()


def environment(environ: Mapping[str, str], data_dir: DataDir, sockets: Path) -> dict[str, str]:
    """The environment of all processes: the given one, completed with defaults of embedded mode."""
    defaults = {
        "DATABASE_URL": f"sqlite:///{data_dir.path / DATABASE}",
        "BROKER_URL": valkey.broker_url(sockets),
        "RESULT_STORE_URL": valkey.store_url(sockets),
    }
    if not is_redis(environ.get("RESULT_STORE_URL", "").strip() or defaults["RESULT_STORE_URL"]):
        defaults["REDIS_URL"] = valkey.store_url(sockets)
    missing = {name: value for name, value in defaults.items() if not environ.get(name, "").strip()}
    secret = secret_environment(data_dir, environ)
    return {**environ, **telemetry.OFF, **missing, **secret, "DATA_DIR": str(data_dir.path)}


def check(environ: Mapping[str, str]) -> Settings:
    """Load the settings and validate them for every role. Raises SettingsError with all problems of all roles."""
    problems: dict[str, None] = {}
    for role in ROLES:
        try:
            settings = load(role, environ)
        except SettingsError as error:
            problems.update(dict.fromkeys(error.detail.splitlines()))
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def roles(service: EmbeddedService) -> list[Process]:
    """The api, a processor, a renderer, an ingest, a live detector and the detectors, with the same commands as in
    distributed mode."""
    settings = service.settings
    host, port = _bracketed(settings.host, settings.port)
    gunicorn = [
        "-m",
        "gunicorn",
        "-k",
        "api.gunicorn_worker.Worker",
        "--preload",
        "--no-control-socket",
        "--graceful-timeout",
        "20",
    ]
    gunicorn += ["--keep-alive", "7"]  # clients close idle connections after 5 s; a stop waits for open ones
    gunicorn += ["--bind", f"{host}:{port}", "--workers", str(settings.api_workers), "api.asgi:create()"]
    threads = str(settings.detector_threads or max(1, service.cores // service.detectors))
    detector = {**service.environ_of("detector"), "DETECTOR_THREADS": threads}
    if settings.detector_python:  # the service may not be installed in its environment
        detector["PYTHONPATH"] = str(ROOT)
    python = settings.detector_python or sys.executable
    return [
        *(
            _python(
                service,
                f"detector-{number}",
                ["-m", "detector.worker"],
                detector,
                _WORKERS,
                python=python,
                niceness=_WORKER_NICENESS,
            )
            for number in range(1, service.detectors + 1)
        ),
        _python(
            service,
            "processor",
            ["-m", "processor.worker"],
            service.environ_of("processor"),
            _WORKERS,
            niceness=_WORKER_NICENESS,
        ),
        _python(
            service,
            "renderer",
            ["-m", "processor.render_worker"],
            service.environ_of("processor"),
            _WORKERS,
            niceness=_WORKER_NICENESS,
        ),
        _python(
            service,
            "live",
            ["-m", "detector.live"],
            detector,
            _WORKERS,
            python=python,
            niceness=_LIVE_NICENESS,
        ),
        _python(service, "ingest", ["-m", "ingest.worker"], service.environ_of("ingest"), _WORKERS),
        _python(service, "api", gunicorn, service.environ_of("api"), _API),
    ]


def is_ready(service: EmbeddedService) -> bool:
    """Whether the api reports ready and has as many workers as were started."""
    connection = http.client.HTTPConnection(*service.address, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        workers = json.loads(answer.read()).get("workers") or {}
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    wanted = {"processor": 1, "renderer": 1, "detector": service.detectors, "ingest": 1, "live_detector": 1}
    return answer.status == 200 and all(workers.get(role, 0) >= count for role, count in wanted.items())


def _prepare(supervisor: Supervisor, service: EmbeddedService) -> None:
    """Start Valkey and make or migrate the tables in parallel, before any role starts."""
    if service.uses_bundled_valkey:
        data = service.data_dir / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        supervisor.start(
            Process(
                name="valkey",
                command=valkey.command(service.sockets, data),
                env=service.environ_of(None),
                stage=_SERVER,
                crash_seconds=5,  # time to finish writing its file
                log=_log(service, "valkey"),
            )
        )
    database = service.data_dir / DATABASE
    if service.settings.database_url != f"sqlite:///{database}" or not tables.are_current(database, _MIGRATIONS):
        _migrate(supervisor, service)
    if service.uses_bundled_valkey:
        supervisor.wait_for(valkey.probe(service.sockets), _READY_SECONDS, "starting Valkey")


def _migrate(supervisor: Supervisor, service: EmbeddedService) -> None:
    arguments = ["-m", "alembic", "-c", str(_MIGRATIONS / "alembic.ini"), "upgrade", "head"]
    migrations = supervisor.start(
        _python(service, "migrations", arguments, service.environ_of(None), _API, restart=False)
    )
    supervisor.wait_for(lambda: migrations.done, _READY_SECONDS, "migrating the tables")


def _python(
    service: EmbeddedService,
    name: str,
    arguments: list[str],
    environ: Mapping[str, str],
    stage: int,
    *,
    restart: bool = True,
    python: str = sys.executable,
    niceness: int = 0,
) -> Process:
    command, log = [python, *arguments], _log(service, name)
    return Process(name=name, command=command, env=environ, stage=stage, restart=restart, log=log, niceness=niceness)


def _log(service: EmbeddedService, name: str) -> Path | None:
    if not service.log_files:
        return None
    folder = service.data_dir / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name}.log"


def _bracketed(host: str, port: int) -> tuple[str, int]:
    return (f"[{host}]" if ":" in host else host), port


def _require_free(host: str, port: int, setting: str) -> None:
    """Raise Failed when the address is already in use, before any process is started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except OSError as error:
        text = f"cannot listen at {host}:{port}: {error.strerror or error}; set another {setting}"
        raise Failed(text) from error
