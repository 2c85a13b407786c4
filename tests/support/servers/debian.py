"""RabbitMQ, Redis and PostgreSQL as Debian packages them, for the length of a context.

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
from kombu import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from tests.support.deployments import recovery_times
from tests.support.requirements import missing

USER = "web-detector"
PASSWORD = "5f0c2f9a7d"
_STARTING_SECONDS = 60
_COOKIE = "web-detector-tests"
_STOPPING_SECONDS = 15
_TOLD_SECONDS = 300  # by RabbitMQ, which starts a virtual machine for it
_MESSAGES = re.compile(r'{"([^"]+)", (\d+)}')


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
        self.port = self._chosen or _lasting_port()
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


class RabbitMq(Server):
    """A node with an epmd of its own. metrics_port: where its plugin answers Prometheus, 0 for nowhere."""

    def __init__(self, *addresses: str, metrics_port: int = 0) -> None:
        super().__init__(*addresses)
        self._metrics_port = metrics_port

    def url(self, space: str = "/") -> str:
        """For Celery, of a virtual host."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{space}"

    def _start(self) -> None:
        self._epmd, distribution = _lasting_port(), _lasting_port()
        (self.folder / ".erlang.cookie").write_text(_COOKIE)
        (self.folder / ".erlang.cookie").chmod(0o400)
        (self.folder / "plugins").write_text("[rabbitmq_prometheus]." if self._metrics_port else "[].")
        metrics = f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {self._metrics_port}\n"
        (self.folder / "environment").touch()
        listeners = [f"listeners.tcp.{i} = {address}:{self.port}\n" for i, address in enumerate(self.addresses, 1)]
        (self.folder / "node.conf").write_text(
            f"{''.join(listeners)}default_user = {USER}\ndefault_pass = {PASSWORD}\n"
            f"loopback_users = none\nlog.console = true\nlog.file = false\n{metrics if self._metrics_port else ''}"
        )
        self._run(["epmd", "-port", str(self._epmd), "-address", "127.0.0.1"], name="epmd")
        environ = {
            "HOME": self.folder,
            "ERL_EPMD_PORT": self._epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": self.folder / "environment",
            "RABBITMQ_CONFIG_FILE": self.folder / "node.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_NODENAME": f"wd{self.port}@localhost",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": distribution,
            "RABBITMQ_MNESIA_BASE": self.folder / "data",
            "RABBITMQ_LOG_BASE": self.folder / "logs",
            "RABBITMQ_PID_FILE": self.folder / "pid",
            # With it the start script becomes the node, instead of waiting for it.
            "RABBITMQ_ALLOW_INPUT": 1,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 2:2 +sbwt none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        self._run([tool("rabbitmq-server")], {name: str(value) for name, value in environ.items()})

    def _answers(self) -> bool:
        try:
            with Connection(self.url(), connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
                return True
        except (OSError, OperationalError):
            return False

    def create(self, space: str) -> str:
        """The URL of a new virtual host."""
        # By the node itself: rabbitmqctl starts a virtual machine for each command, which takes seconds of both cores.
        name, user, all_of_it = (f'<<"{text}">>' for text in (space, USER, ".*"))
        self._evaluate(
            f"ok = rabbit_vhost:add({name}, {user}), ok = rabbit_auth_backend_internal:set_permissions("
            f"{user}, {name}, {all_of_it}, {all_of_it}, {all_of_it}, {user})."
        )
        return self.url(space)

    def messages(self, space: str, queue: str) -> int:
        """How many messages wait in a queue."""
        with Connection(self.url(space)) as connection:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)

    def held(self, space: str) -> dict[str, int]:
        """How many messages each queue holds: those that wait, and those that a worker has in hand or puts off."""
        queues = f'rabbit_amqqueue:info_all(<<"{space}">>, [name, messages])'
        told = self._evaluate(f"[{{binary_to_list(element(4, N)), M}} || [{{_, N}}, {{_, M}}] <- {queues}].")
        return {name: int(count) for name, count in _MESSAGES.findall(told)}

    def deprecated(self, space: str) -> list[str]:
        """What a virtual host uses of what RabbitMQ 4.3 refuses: channels with a global prefetch, and queues that are
        neither durable nor exclusive."""
        found = self._evaluate(
            "[global_prefetch || C <- rabbit_channel:info_all([vhost, global_prefetch_count]), "
            f'proplists:get_value(vhost, C) =:= <<"{space}">>, proplists:get_value(global_prefetch_count, C) > 0] '
            f'++ [element(4, amqqueue:get_name(Q)) || Q <- rabbit_amqqueue:list(<<"{space}">>), '
            "not amqqueue:is_durable(Q), amqqueue:get_exclusive_owner(Q) =:= none]."
        )
        return [] if found == "[]" else [found]

    def purge(self, space: str, queue: str) -> int:
        """Lose all messages that wait in a queue; how many there were."""
        with Connection(self.url(space)) as connection:
            return int(connection.default_channel.queue_purge(queue))

    def cut(self, space: str) -> None:
        """Close all connections to a virtual host: what their clients have in hand is delivered again."""
        self._control("close_all_connections", "--vhost", space, "cut by a test")

    def _evaluate(self, expression: str) -> str:
        """Let the node evaluate an expression of Erlang; what it prints of the value."""
        command = [tool("erl_call"), "-sname", f"wd{self.port}@localhost", "-c", _COOKIE, "-e"]
        environ = {"ERL_EPMD_PORT": str(self._epmd)}
        done = subprocess.run(
            command, env=environ, input=expression + "\n", capture_output=True, text=True, timeout=_TOLD_SECONDS
        )
        assert (done.returncode, done.stdout[:4]) == (0, "{ok,"), done.stdout + done.stderr
        return done.stdout.strip().removeprefix("{ok, ").removesuffix("}")

    def _control(self, *command: str) -> str:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "ERL_EPMD_PORT": str(self._epmd)}
        environ["RABBITMQ_CONF_ENV_FILE"] = str(self.folder / "environment")
        environ["RABBITMQ_CTL_ERL_ARGS"] = "+S 1:1 +sbwt none"  # it waits without computing
        line = [tool("rabbitmqctl"), "--quiet", "--node", f"wd{self.port}@localhost", *command]
        done = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=_TOLD_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def complaints(self) -> list[str]:
        """The entries of its log that it means as a warning, or worse, or as a deprecation; each is returned once."""
        entries: dict[str, str] = {}  # of which some have several lines, with the same beginning
        for line in re.findall(r"^.*(?:\[(?:warning|error|critical)\]|deprecat).*$", self._news(), re.M):
            start = re.search(r"\d{4}-\S+ \S+ \[\w+\] <[\d.]+>", line)
            key = start[0] if start else line
            entries[key] = entries.get(key, "") + line + "\n"
        # A new node says the first, one with little memory or disk to spare the next ones. A client
        # that ends without a goodbye is a killed worker, or a process that Celery forked, and its channels may be
        # on their way out already; one that misses heartbeats has had its link cut.
        known = "rebuilding indices|watermark|disk|closing AMQP|client unexpectedly closed"
        known += "|rabbit_channel_sup|missed heartbeats"
        return [entry for entry in entries.values() if not re.search(known, entry, re.I)]


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


def _lasting_port() -> int:
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
