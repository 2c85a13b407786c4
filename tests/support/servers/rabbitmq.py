"""RabbitMQ as Debian packages it, for the length of a context: this machine's, or that of another Debian.

RABBITMQ_ROOT names the root folder of the other one (tools/make-rabbitmq-root), which is RabbitMQ 4 and permits nothing
that is deprecated.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from kombu import Connection
from kombu.exceptions import OperationalError

from tests.support.requirements import missing
from tests.support.servers.debian import PASSWORD, USER, Server, lasting_port, tool

_COOKIE = "web-detector-tests"
_TOLD_SECONDS = 300  # a command may start a virtual machine
_NUMBERS = re.compile(r'{"([^"]+)", (\d+)}')
# All that any 4.x deprecates; a release takes no notice of names that it does not know.
_DEPRECATED = (
    "amqp_address_v1",
    "amqp_filter_set_bug",
    "classic_queue_mirroring",
    "global_qos",
    "management_metrics_collection",
    "queue_master_locator",
    "ram_node_type",
    "transient_nonexcl_queues",
)
# A command in another root, which has this machine's processes, devices and temporary files.
_ENTER = r"""
root=$1 temporary=$2; shift 2
mkdir -p "$root$temporary"
mount --bind "$temporary" "$root$temporary"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
"""
_PATH = "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def other_debian() -> Path | None:
    """The root folder that RABBITMQ_ROOT names; None where this machine's RabbitMQ is to be used."""
    named = os.environ.get("RABBITMQ_ROOT")
    if not named:
        return None
    root = Path(named).resolve()
    if not (root / "usr/lib/rabbitmq/bin/rabbitmq-server").exists():
        missing(f"no RabbitMQ in {root} (make test-rabbitmq installs it there)")
    if os.geteuid() != 0:
        missing("a server in another root needs root")
    return root


class RabbitMq(Server):
    """A node with an epmd of its own. metrics_port: where its plugin answers Prometheus, 0 for nowhere. root: of the
    Debian that it is taken from, None for this machine's."""

    def __init__(self, *addresses: str, metrics_port: int = 0, root: Path | None = None) -> None:
        super().__init__(*addresses)
        self._metrics_port = metrics_port
        self._root = root

    def url(self, space: str = "/") -> str:
        """For Celery, of a virtual host."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{space}"

    def _start(self) -> None:
        self._epmd, distribution = lasting_port(), lasting_port()
        (self.folder / ".erlang.cookie").write_text(_COOKIE)
        (self.folder / ".erlang.cookie").chmod(0o400)
        (self.folder / "plugins").write_text("[rabbitmq_prometheus]." if self._metrics_port else "[].")
        (self.folder / "environment").touch()
        (self.folder / "node.conf").write_text(self._configuration())
        self._run(self._line("epmd", "-port", str(self._epmd), "-address", "127.0.0.1"), self._environ(), name="epmd")
        environ = {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONFIG_FILE": self.folder / "node.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_NODENAME": self._node,
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
        texts = {name: str(value) for name, value in environ.items()}
        self._run(self._line("rabbitmq-server"), {**self._environ(), **texts})

    def _configuration(self) -> str:
        listeners = [f"listeners.tcp.{i} = {address}:{self.port}" for i, address in enumerate(self.addresses, 1)]
        lines = [*listeners, f"default_user = {USER}", f"default_pass = {PASSWORD}"]
        lines += ["loopback_users = none", "log.console = true", "log.file = false"]
        if self._metrics_port:
            lines += ["prometheus.tcp.ip = 127.0.0.1", f"prometheus.tcp.port = {self._metrics_port}"]
        if self._root:
            lines += [f"deprecated_features.permit.{name} = false" for name in _DEPRECATED]
        return "".join(f"{line}\n" for line in lines)

    @property
    def _node(self) -> str:
        return f"wd{self.port}@localhost"

    def _line(self, program: str, *arguments: str) -> list[str]:
        if not self._root:
            return [tool(program), *arguments]
        enter = ["unshare", "--mount", "sh", "-e", "-c", _ENTER, "sh", str(self._root), tempfile.gettempdir()]
        return [*enter, program, *arguments]

    def _environ(self) -> dict[str, str]:
        """Of each of its programs."""
        return {
            "PATH": _PATH if self._root else os.environ["PATH"],
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
        }

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
        return {name: int(count) for name, count in _NUMBERS.findall(told)}

    def arguments(self, space: str, queue: str) -> dict[str, int]:
        """The arguments that a queue was declared with, those that are numbers."""
        name = f'rabbit_misc:r(<<"{space}">>, queue, <<"{queue}">>)'
        told = self._evaluate(
            f"{{ok, Q}} = rabbit_amqqueue:lookup({name}), "
            "[{binary_to_list(N), V} || {N, _, V} <- amqqueue:get_arguments(Q), is_integer(V)]."
        )
        return {name: int(number) for name, number in _NUMBERS.findall(told)}

    def deprecated(self, space: str) -> list[str]:
        """What a virtual host uses of what RabbitMQ 4.3 refuses: channels with a global prefetch, and queues that are
        neither durable nor exclusive. RabbitMQ 4 tells itself, of all virtual hosts, and whether it would permit some.
        """
        queues = (
            f'[element(4, amqqueue:get_name(Q)) || Q <- rabbit_amqqueue:list(<<"{space}">>), '
            "not amqqueue:is_durable(Q), amqqueue:get_exclusive_owner(Q) =:= none]"
        )
        prefetches = (
            "[global_prefetch || C <- rabbit_channel:info_all([vhost, global_prefetch_count]), "
            f'proplists:get_value(vhost, C) =:= <<"{space}">>, proplists:get_value(global_prefetch_count, C) > 0]'
        )
        features = (
            "maps:keys(rabbit_deprecated_features:list(used)) ++ "
            "[{permitted, N} || {N, #{state := S}} <- maps:to_list(rabbit_deprecated_features:list(all)), S =/= denied]"
        )
        found = self._evaluate(f"{features if self._root else prefetches} ++ {queues}.")
        return [*re.findall(r"Deprecated features: .*", self.log()), *([] if found == "[]" else [found])]

    def purge(self, space: str, queue: str) -> int:
        """Lose all messages that wait in a queue; how many there were."""
        with Connection(self.url(space)) as connection:
            return int(connection.default_channel.queue_purge(queue))

    def cut(self, space: str) -> None:
        """Close all connections to a virtual host: what their clients have in hand is delivered again."""
        self._control("close_all_connections", "--vhost", space, "cut by a test")

    def _evaluate(self, expression: str) -> str:
        """Let the node evaluate an expression of Erlang; what it prints of the value."""
        told = self._told("erl_call", "-sname", self._node, "-c", _COOKIE, "-e", asked=expression + "\n")
        assert told.startswith("{ok,"), told
        return told.strip().removeprefix("{ok, ").removesuffix("}")

    def _control(self, *command: str) -> str:
        return self._told("rabbitmqctl", "--quiet", "--node", self._node, *command)

    def _told(self, *command: str, asked: str = "") -> str:
        environ = {**self._environ(), "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 +sbwt none"}  # it waits without computing
        line = self._line(*command)
        done = subprocess.run(line, env=environ, input=asked, capture_output=True, text=True, timeout=_TOLD_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def complaints(self) -> list[str]:
        """The entries of its log that it means as a warning, or worse, or as a deprecation; each is returned once."""
        entries: dict[str, str] = {}  # of which some have several lines, with the same beginning
        for line in re.findall(r"^.*(?:\[(?:warning|error|critical)\]|deprecat).*$", self._news(), re.M):
            start = re.search(r"\d{4}-\S+ \S+ \[\w+\] <[\d.]+>", line)
            key = start[0] if start else line
            entries[key] = entries.get(key, "") + line + "\n"
        # A new node says the first two, one with little memory or disk to spare the next ones. A client
        # that ends without a goodbye is a killed worker, or a process that Celery forked, and its channels may be
        # on their way out already; one that misses heartbeats has had its link cut.
        known = "rebuilding indices|peer discovery backend|watermark|disk|closing AMQP|client unexpectedly closed"
        known += "|rabbit_channel_sup|missed heartbeats"
        return [entry for entry in entries.values() if not re.search(known, entry, re.I)]
