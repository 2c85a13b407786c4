"""The UDP addresses that a session is reached at: one port of WEBRTC_UDP_PORTS, at the hosts of WEBRTC_HOSTS.

aioice binds a free port of each network card, leaves 127.0.0.1 out, and knows no port range. It gathers in one method,
`Connection.get_component_candidates`; `use` replaces that of one connection. Nothing global is changed, so other
connections in the process (a test's client) are as the library makes them.
"""

import asyncio
import errno
import logging
import random
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, server_reflexive_candidate
from aioice.turn import UDP_SOCKET_BUFFER_SIZE
from aiortc import RTCIceServer

from contracts.errors import NoMediaPort
from contracts.settings.table import Settings

log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
_GATHER_SECONDS = 5
_TRIES = 16  # of any free port, until one is free at all addresses


@dataclass(frozen=True)
class Network:
    """hosts: addresses that senders reach this ingest at, empty for those of the network cards, else 127.0.0.1. ports:
    first and last, None for any. ice_servers: STUN and TURN; there is no default one."""

    hosts: tuple[str, ...] = ()
    ports: tuple[int, int] | None = None
    ice_servers: tuple[RTCIceServer, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Network":
        """From WEBRTC_HOSTS, WEBRTC_UDP_PORTS and WEBRTC_ICE_SERVERS."""
        servers = (RTCIceServer(one.url, one.username, one.credential) for one in settings.ice_servers)
        return cls(settings.webrtc_addresses, settings.webrtc_ports, tuple(servers))

    def use(self, connection: Connection) -> None:
        """Let a connection that has not gathered yet gather these."""
        library = connection.get_component_candidates

        async def gather(component: int, addresses: list[str], timeout: int = _GATHER_SECONDS) -> list[Candidate]:
            sockets = _bind(self._own_addresses(addresses), self.ports)
            own = [await _endpoint(connection, component, one) for one in sockets]
            if not own and connection.turn_server is None:
                raise NoMediaPort(
                    "the ingest has no free UDP port for this session: end others, or widen WEBRTC_UDP_PORTS"
                )
            found = [protocol.local_candidate for protocol in own]
            if self.hosts and own:
                found = [_candidate(component, host, found[0].port) for host in self.hosts]
            found += await _reflexive(connection, own, timeout)
            relayed: list[Candidate] = await library(component=component, addresses=[], timeout=timeout)
            if connection.turn_server is not None and not relayed:  # the library says nothing of it
                log.warning(
                    "the TURN server %s:%s in WEBRTC_ICE_SERVERS gives no address, sessions go on without it: check "
                    "that it runs and can be reached from here, and that its user name and password are right",
                    *connection.turn_server,
                )
            return found + relayed

        connection.get_component_candidates = gather

    def _own_addresses(self, cards: Sequence[str]) -> list[str]:
        """The addresses of this machine to receive at. All of them, since the ports of a host may be forwarded to any,
        and none is a wildcard: answers would come from another address than the one that was asked."""
        loopbacks = [host for host in self.hosts if ip_address(host).is_loopback]
        return list(dict.fromkeys([*cards, *loopbacks])) or [_LOOPBACK]


async def _endpoint(connection: Connection, component: int, bound: socket.socket) -> StunProtocol:
    """The library's end of a socket, with its candidate."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: StunProtocol(connection), sock=bound)
    protocol.local_candidate = _candidate(component, *bound.getsockname()[:2])
    connection._protocols.append(protocol)  # which it closes
    return protocol


def _candidate(component: int, host: str, port: int) -> Candidate:
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )


def _bind(addresses: Sequence[str], ports: tuple[int, int] | None) -> list[socket.socket]:
    """UDP sockets with one port at these addresses; none where no port is free."""
    for port in _in_turn(ports):
        bound: list[socket.socket] = []
        for address in addresses:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            try:
                made.setblocking(False)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_SOCKET_BUFFER_SIZE)
                made.bind((address, bound[0].getsockname()[1] if bound else port))
                bound.append(made)
            except OSError as error:
                made.close()
                if error.errno == errno.EADDRINUSE:
                    break
                log.warning("cannot receive media at %s: %s", address, error)
        else:
            return bound
        for one in bound:
            one.close()
    return []


def _in_turn(ports: tuple[int, int] | None) -> Iterable[int]:
    """The ports, from a random one on, so that sessions that begin at once do not all try the same ones."""
    if ports is None:
        return (0,) * _TRIES
    first, last = ports
    begin = random.randint(first, last)  # noqa: S311  (no secret)
    return (*range(begin, last + 1), *range(first, begin))


async def _reflexive(connection: Connection, own: Sequence[StunProtocol], timeout: int) -> list[Candidate]:
    """The public addresses of the sockets, as a STUN server sees them; it knows IPv4 only."""
    if connection.stun_server is None:
        return []
    asked = [
        asyncio.ensure_future(server_reflexive_candidate(one, connection.stun_server))
        for one in own
        if ip_address(one.local_candidate.host).version == 4
    ]
    done, late = await asyncio.wait(asked, timeout=timeout) if asked else (set(), set())
    for one in late:
        one.cancel()
    return [one.result()[0] for one in done if one.exception() is None]
