"""Hosts of one network, as far as that goes: network namespaces with cables to the first of them."""

import ctypes
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.servers.network import FILES, ip, require_namespaces, sweep, temporary_name

_NEW_NET = 0x40000000  # CLONE_NEWNET


class Lan:
    """A namespace for each host, with a table of names; all is gone when the context ends.

    addresses: by the name of the host, that of the first host first, to which all others have a cable. names: of the
    first host for its own loopback, beside its own.
    """

    def __init__(self, addresses: Mapping[str, str], names: str = "") -> None:
        self.addresses = dict(addresses)
        self._first, *self._others = addresses
        self._names = names

    def __enter__(self) -> Self:
        require_namespaces()
        sweep()
        try:
            for host in self.addresses:
                ip("netns", "add", self._space(host))
                ip("-n", self._space(host), "link", "set", "lo", "up")
                self._name(host)
            for number, host in enumerate(self._others):
                self._lay_cable(host, f"cable{number}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        there = ip("netns", "list")
        for host in self.addresses:
            if self._space(host) in there:
                ip("netns", "delete", self._space(host))
            shutil.rmtree(FILES / self._space(host), ignore_errors=True)

    def inside(self, host: str, prepare: str = "true") -> list[str]:
        """A command that becomes the one after it, on that host. prepare: a script that runs before it, in mounts of
        its own."""
        return ["ip", "netns", "exec", self._space(host), "sh", "-c", f'{prepare} && exec "$@"', "sh"]

    @contextmanager
    def within(self, host: str) -> Iterator[None]:
        """This thread, and all that it starts, is on that host."""
        with Path("/proc/thread-self/ns/net").open() as own, Path("/run/netns", self._space(host)).open() as other:
            _move(other.fileno())
            try:
                yield
            finally:
                _move(own.fileno())

    def _space(self, host: str) -> str:
        return temporary_name("abcdefgh"[list(self.addresses).index(host)])

    def _name(self, host: str) -> None:
        folder = FILES / self._space(host)
        folder.mkdir(parents=True)
        own = (
            f"{self._first} {self._names}\n"
            if host == self._first
            else f"\n{self.addresses[self._first]} {self._first}\n"
        )
        (folder / "hosts").write_text(f"127.0.0.1 localhost {own}")

    def _lay_cable(self, host: str, cable: str) -> None:
        here, there = self._space(self._first), self._space(host)
        ip("-n", here, "link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", there)
        first, other = self.addresses[self._first], self.addresses[host]
        ip("-n", here, "address", "add", first, "peer", other, "dev", cable)
        ip("-n", there, "address", "add", other, "peer", first, "dev", "cable")
        ip("-n", here, "link", "set", cable, "up")
        ip("-n", there, "link", "set", "cable", "up")


def _move(descriptor: int) -> None:
    """Into the network of that namespace."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET):
        raise OSError(ctypes.get_errno(), "setns")
