"""Another host, as far as its network goes: a namespace of its own, and a cable to it that can be cut."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Self

import psutil

from tests.support.requirements import missing

_PREFIX = "wdtest"
# A folder for each namespace, whose files `ip netns exec` lays over those of /etc.
FILES = Path("/etc/netns")


class OtherHost:
    """A network namespace at the other end of a veth pair. Both are gone when the context ends.

    address: where this machine listens for it. their_address: where it listens.
    """

    def __init__(self) -> None:
        number = os.getpid()
        self._name = temporary_name()
        self._ours, self._theirs = f"wd{number}a", f"wd{number}b"
        network = f"10.213.{number % 256}.{number // 256 % 64 * 4}"
        base, _, last = network.rpartition(".")
        self.address, self.their_address = (f"{base}.{int(last) + n}" for n in (1, 2))

    def __enter__(self) -> Self:
        require_namespaces()
        sweep()
        ip("netns", "add", self._name)
        try:
            ip("link", "add", self._ours, "type", "veth", "peer", "name", self._theirs, "netns", self._name)
            ip("address", "add", f"{self.address}/30", "dev", self._ours)
            ip("-n", self._name, "address", "add", f"{self.their_address}/30", "dev", self._theirs)
            for name in ("lo", self._theirs):
                ip("-n", self._name, "link", "set", name, "up")
            self.mend()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        ip("netns", "delete", self._name)  # the pair goes with the end that lies in it

    def cut(self) -> None:
        """Pull the cable."""
        ip("link", "set", self._ours, "down")

    def mend(self) -> None:
        """Plug it in again."""
        ip("link", "set", self._ours, "up")

    def lose(self, share: float) -> None:
        """From now on, lose so many of the packets, at random, either way."""
        if shutil.which("iptables") is None:
            missing("not installed: iptables (tools/install-debian-packages installs it)")
        chosen = ["-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP"]
        for chain in ("INPUT", "OUTPUT"):
            for words in (["-F", chain], ["-A", chain, *chosen]):
                subprocess.run([*self.inside, "iptables", *words], check=True, capture_output=True)

    @property
    def inside(self) -> list[str]:
        """A command that becomes the one after it, in its network."""
        return ["ip", "netns", "exec", self._name]

    def enter(self, storage: Path, mount: Path, hidden: Path) -> list[str]:
        """A command that becomes the one after it, on that host: with `storage` to be read at `mount`, and
        nothing in `hidden`."""
        script = 'mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && mount -t tmpfs none "$3" && shift 3'
        prepare = ["sh", "-c", f'{script} && exec "$@"', "sh", str(storage), str(mount), str(hidden)]
        return [*self.inside, *prepare]


def require_namespaces() -> None:
    """Skip the test where no network can be made; in CI that is a failure."""
    if shutil.which("ip") is None:
        reason = "not installed: iproute2 (tools/install-debian-packages installs it)"
    else:
        tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
        reason = f"no network namespaces here: {tried.stderr.strip()}" if tried.returncode else ""
    if reason:
        missing(reason)


def temporary_name(kind: str = "") -> str:
    """The name of a namespace of this test run; `sweep` removes it when the run was killed. kind: a word."""
    return f"{_PREFIX}{os.getpid()}{kind}"


def sweep() -> None:
    """Remove what test runs that were killed left behind."""
    for name, pid in re.findall(rf"^({_PREFIX}(\d+)[a-z]*)\b", ip("netns", "list"), re.M):
        if not psutil.pid_exists(int(pid)):
            ip("netns", "delete", name)
    for folder in FILES.glob(f"{_PREFIX}*"):
        if not psutil.pid_exists(int(re.sub(r"\D", "", folder.name))):
            shutil.rmtree(folder)


def ip(*words: str) -> str:
    """Run iproute2's command; returns what it prints."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
