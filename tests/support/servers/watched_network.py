"""A network in which every attempt to reach something is seen, and nothing outside of it can be reached."""

import contextlib
import ctypes
import socket
import struct
import threading
from pathlib import Path
from typing import Self

from tests.support.servers.network import ip, require_namespaces, sweep, temporary_name

_CLONE_NEWNET = 0x40000000
_ALL_PACKETS = 3  # ETH_P_ALL
_SOL_PACKET, _STATISTICS = 263, 6
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP = 6, 17
_SYN, _ACK = 0x02, 0x10
_NAMES = 53
_BUFFER = 1 << 26
# A way out for both versions of IP; what is sent to its end is seen and dropped.
_OURS = {"192.0.2.1/24": "192.0.2.2", "2001:db8::1/64": "2001:db8::2"}
_NOBODY = "02:00:00:00:00:02"


class WatchedNetwork:
    """A network namespace for the length of the context. Processes started with `enter` are in it."""

    def __init__(self) -> None:
        self._name = temporary_name("watched")
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        require_namespaces()
        sweep()
        ip("netns", "add", self._name)
        try:
            self._connect()
            self._socket = self._packet_socket()
        except BaseException:
            ip("netns", "delete", self._name)
            raise
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._reader.join()
        self._socket.close()
        ip("netns", "delete", self._name)

    def enter(self) -> list[str]:
        """A command that becomes the one after it, in this network."""
        return ["ip", "netns", "exec", self._name]

    def seen(self) -> set[str]:
        """What was tried so far: "tcp ADDRESS PORT", "udp ADDRESS PORT", and "name NAME" for a look-up of a name."""
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        assert not dropped, f"{dropped} packets were not seen"
        return set(self._seen)

    def _connect(self) -> None:
        ip("-n", self._name, "link", "add", "out", "type", "veth", "peer", "name", "end")
        for device in ("lo", "out", "end"):
            ip("-n", self._name, "link", "set", device, "up")
        for address, beyond in _OURS.items():
            flags = ["nodad"] if ":" in address else []  # usable at once
            ip("-n", self._name, "address", "add", address, "dev", "out", *flags)
            ip("-n", self._name, "neighbour", "add", beyond, "lladdr", _NOBODY, "dev", "out", "nud", "permanent")
            ip("-n", self._name, "route", "add", "default", "via", beyond, "dev", "out")

    def _packet_socket(self) -> socket.socket:
        """A socket that receives the packets of all devices; it stays in the namespace that its thread entered."""
        made: list[socket.socket] = []

        def make() -> None:
            with (Path("/run/netns") / self._name).open() as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), _CLONE_NEWNET) == 0
            made.append(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PACKETS)))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        (packets,) = made
        packets.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        packets.settimeout(0.1)
        return packets

    _ended = False

    def _read(self) -> None:
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                packet, origin = self._socket.recvfrom(512)
                if tried := attempt(origin[1], packet):
                    self._seen.add(tried)


def attempt(protocol: int, packet: bytes) -> str | None:
    """What a packet tries to reach, in the words of `WatchedNetwork.seen`. None: an answer, or the network's upkeep."""
    if protocol == _IPV4:
        kind, address, start = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), (packet[0] & 15) * 4
    elif protocol == _IPV6:
        kind, address, start = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), 40
    else:
        return None
    (port,) = struct.unpack_from("!H", packet, start + 2)
    if kind == _TCP:
        return f"tcp {address} {port}" if packet[start + 13] & (_SYN | _ACK) == _SYN else None
    if kind != _UDP:
        return None
    return f"name {_question(packet[start + 8 :])}" if port == _NAMES else f"udp {address} {port}"


def _question(message: bytes) -> str:
    """The name that a DNS message asks for."""
    labels, position = [], 12
    while length := message[position]:
        labels.append(message[position + 1 : position + 1 + length].decode())
        position += 1 + length
    return ".".join(labels)
