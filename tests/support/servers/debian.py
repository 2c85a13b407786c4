"""Redis and PostgreSQL as Debian packages them, for the length of a context, and what other servers share with them.

Each listens on 127.0.0.1, and beside where it is told to, on a port of its own, keeps its data in a
temporary folder, and is ended by its process id; whatever else runs on the machine is left alone.
"""

import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import redis
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from tests.support.deployments import recovery_times
from tests.support.requirements import missing

USER = "web-detector"
PASSWORD = "5f0c2f9a7d"
_STARTING_SECONDS = 60
_STOPPING_SECONDS = 15


class Server:
    """A server that is started by __enter__ and answers after `wait`."""

    _stop_signal = signal.SIGTERM
    _chosen = 0  # port
    _heard = 0  # characters of the log that were looked at

    def __init__(self, *addresses: str) -> None:
        self.addresses = ("127.0.0.1", *addresses)

    def __enter__(self) -> Self:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._last: tuple[Sequence[str], dict[str, str] | None] = ((), None)
        self.folder = Path(tempfile.mkdtemp(prefix="wd-test-"))
        self.port = self._chosen or lasting_port()
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def on(self, port: int) -> Self:
        """The same, with a port that is known to be free; before it starts."""
        self._chosen = port
        return self

    def wait(self) -> Self:
        """Return when it answers."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while not self._answers():
            ended = any(process.poll() is not None for process in self._processes)
            assert not ended, f"{type(self).__name__} ended:\n{self.log()[-4000:]}"
            assert time.monotonic() < deadline, f"{type(self).__name__} does not answer:\n{self.log()[-4000:]}"
            time.sleep(0.1)
        return self

    @property
    def pid(self) -> int:
        """Of the server itself."""
        return self._processes[-1].pid

    def stop(self, how: signal.Signals | None = None) -> None:
        """End it, with its data kept; by default as it is meant to be ended, with SIGKILL all that it started too."""
        process = self._processes.pop()
        process.send_signal(how or self._stop_signal)
        try:
            process.wait(_STARTING_SECONDS)
        finally:
            _kill_group(process)

    def start_again(self) -> Self:
        """After `stop`, on the same port; it takes a moment until it answers."""
        recovery_times.started()
        command, environ = self._last
        self._run(command, environ)
        return self

    def log(self) -> str:
        """What it said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _news(self) -> str:
        """What it said since the last call."""
        log = self.log()
        news, self._heard = log[self._heard :], len(log)
        return news

    def _start(self) -> None:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _run(self, command: Sequence[str], environ: dict[str, str] | None = None, name: str = "server") -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            # The kernel ends it if this process dies without having done so.
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        self._last = (command, environ)

    def _end(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(self._stop_signal)
            try:
                process.wait(_STOPPING_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _kill_group(process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    """A Redis server, started with the options given (those of the compose file)."""

    def __init__(self, options: Sequence[str], *addresses: str) -> None:
        super().__init__(*addresses)
        self._options = options
        self._given = 0

    @property
    def login(self) -> str:
        """What stands before the host in its URLs."""
        return f":{PASSWORD}@" if "--requirepass" in self._options else ""

    def url(self, database: int = 0) -> str:
        return f"redis://{self.login}127.0.0.1:{self.port}/{database}"

    def _start(self) -> None:
        place = ["--bind", *self.addresses, "--port", str(self.port), "--dir", str(self.folder), "--daemonize", "no"]
        self._run([tool("redis-server"), *self._options, *place, "--databases", "1000"])

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def create(self) -> str:
        """The URL of a database that nobody has used."""
        self._given += 1
        return self.url(self._given)


class Postgres(Server):
    """A cluster with passwords, as the image has it. It refuses root, so it runs as the user postgres.

    settings: of its own, such as fsync, which is off for speed.
    """

    _stop_signal = signal.SIGINT  # its "fast" shutdown

    def __init__(self, **settings: str) -> None:
        self._settings = settings

    def url(self, database: str) -> str:
        return f"postgresql+pg8000://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _start(self) -> None:
        data, secret = self.folder / "data", self.folder / "password"
        secret.write_text(PASSWORD)
        self._user: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(secret, owner.pw_uid, owner.pw_gid)
            self._user = [
                "setpriv",
                "--reuid",
                "postgres",
                "--regid",
                "postgres",
                "--init-groups",
                "--pdeathsig",
                "INT",
            ]
        make = ["initdb", "--pgdata", str(data), "--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
        make[0] = tool("initdb")
        make += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        made = subprocess.run([*self._user, *make], cwd=self.folder, env=environ, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "log_min_messages": "warning",
            # Times must not depend on the zone that the server happens to be in.
            "timezone": "Asia/Kolkata",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._run([*self._user, tool("postgres"), "-D", str(data), *options])

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            self._execute("SELECT 1")
        except (OSError, SQLAlchemyError):
            return False
        return True

    def create(self, database: str) -> str:
        """The URL of a new, empty database."""
        self._execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def complaints(self) -> list[str]:
        """The lines of its log that are a warning or worse; each is returned once."""
        lines = re.findall(r"^.*\b(?:WARNING|ERROR|FATAL|PANIC):.*$", self._news(), re.M)
        # A second user of the same name, say, is refused by the tables, and PostgreSQL notes each refusal.
        known = ("the database system is starting up", "duplicate key value violates unique constraint")
        return [line for line in lines if not any(text in line for text in known)]

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()


def lasting_port() -> int:
    """A free port below those of outgoing connections, one of which may take it before the server listens: RabbitMQ
    takes seconds until it does."""
    while True:
        port = random.randint(15_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def require(*names: str) -> None:
    """Skip the test where a server is not installed; in CI that is a failure."""
    absent = [name for name in names if _find(name) is None]
    if absent:
        missing(
            f"not installed: {', '.join(absent)} (tools/install-debian-packages or make test-distributed installs them)"
        )


def tool(name: str) -> str:
    found = _find(name)
    assert found, f"{name} is not installed"
    return found


def _find(name: str) -> str | None:
    """Debian keeps these out of PATH, or puts a wrapper there that only serves its own instance."""
    own = Path(sys.prefix) / "s3-server/bin"  # made by make test-distributed
    folders = [own, Path("/usr/lib/rabbitmq/bin"), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"]))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        process.wait(_STOPPING_SECONDS)
