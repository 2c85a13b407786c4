"""The UDP addresses that a session is reached at: ports within WEBRTC_UDP_PORTS, hosts of WEBRTC_HOSTS.

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
            own: list[StunProtocol] = []
            for host in self.hosts or tuple(addresses) or (_LOOPBACK,):
                try:
                    own.append(await self._endpoint(connection, component, host))
                except OSError as error:
                    log.warning("cannot receive media at %s: %s", host, error)
            if not own and connection.turn_server is None:
                raise NoMediaPort(
                    "the ingest has no free UDP port for this session: end others, or widen WEBRTC_UDP_PORTS (a "
                    "session needs a port for each address)"
                )
            found = [protocol.local_candidate for protocol in own]
            found += await _reflexive(connection, own, timeout)
            found += await library(component=component, addresses=[], timeout=timeout)  # TURN
            return found

        connection.get_component_candidates = gather

    async def _endpoint(self, connection: Connection, component: int, host: str) -> StunProtocol:
        """A socket that is reached at the host, with its candidate. Raises OSError."""
        loop = asyncio.get_running_loop()
        bound = _bind(host, self.ports)
        _, protocol = await loop.create_datagram_endpoint(lambda: StunProtocol(connection), sock=bound)
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=host,
            port=bound.getsockname()[1],
            type="host",
        )
        connection._protocols.append(protocol)  # which it closes
        return protocol


def _bind(host: str, ports: tuple[int, int] | None) -> socket.socket:
    """A UDP socket at this address where it is one of this machine, else (an address that is forwarded to it) at all
    addresses. Raises OSError."""
    family, everywhere = (socket.AF_INET6, "::") if ip_address(host).version == 6 else (socket.AF_INET, "0.0.0.0")  # noqa: S104
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_SOCKET_BUFFER_SIZE)
        for port in _in_turn(ports):
            for address in (host, everywhere):
                try:
                    bound.bind((address, port))
                    return bound
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        break  # another port
                    if error.errno != errno.EADDRNOTAVAIL:
                        raise
        raise OSError(errno.EADDRINUSE, "all ports in WEBRTC_UDP_PORTS are taken")
    except BaseException:
        bound.close()
        raise


def _in_turn(ports: tuple[int, int] | None) -> Iterable[int]:
    """The ports, from a random one on, so that sessions that begin at once do not all try the same ones."""
    if ports is None:
        return (0,)
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
