"""Live streams: their secret, networks, buffers and WebRTC."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from contracts.settings.fields import SIGNING_KEY_LENGTH, addresses, meta, networks, port_range
from contracts.settings.ice_servers import IceServer, ice_servers


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    stream_secret_key: Annotated[
        str,
        meta(
            "Encrypts the addresses of cameras, which contain passwords; at least 32 characters. Empty means that "
            "streams with an address cannot be added. Embedded mode: made from the service's own secret.",
            ("api", "ingest"),
            secret=True,
            least_length=SIGNING_KEY_LENGTH,
        ),
    ] = ""
    stream_allow_networks: Annotated[
        str,
        meta(
            "Private networks in which cameras may be, comma separated, as in 192.168.1.0/24; public addresses are "
            "always allowed.",
            ("api", "ingest"),
            check=networks,
        ),
    ] = ""
    stream_silent_seconds: Annotated[
        int,
        meta("Seconds without a packet after which a source is connected anew.", ("ingest",), ge=2, le=600),
    ] = 10
    stream_buffer_bytes: Annotated[
        int,
        meta(
            "Maximum bytes of packets per stream in Redis, for detectors and viewers.",
            ("ingest",),
            ge=256 * 1024,
            le=2**30,
        ),
    ] = 8 * 1024**2
    stream_results_minutes: Annotated[
        int,
        meta(
            "Minutes for which the results of a stream stay in Redis; at least twice the length of its recordings are "
            "kept.",
            ("detector",),
            ge=1,
            le=1440,
        ),
    ] = 15
    webrtc_udp_ports: Annotated[
        str,
        meta(
            "UDP ports for WebRTC media, as in 50000-50100; empty means any free port.", ("ingest",), check=port_range
        ),
    ] = ""
    webrtc_hosts: Annotated[
        str,
        meta(
            "IP addresses at which browsers reach the ingest, comma separated; empty means those of its network cards.",
            ("ingest",),
            check=addresses,
        ),
    ] = ""
    webrtc_ice_servers: Annotated[
        str,
        meta(
            "STUN and TURN servers, comma separated, as in turn:user:password@turn.example.org:3478; empty means none.",
            ("api", "ingest"),
            secret=True,
            check=ice_servers,
        ),
    ] = ""

    @property
    def stream_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks in STREAM_ALLOW_NETWORKS."""
        return networks(self.stream_allow_networks)

    @property
    def webrtc_ports(self) -> tuple[int, int] | None:
        """First and last port in WEBRTC_UDP_PORTS."""
        return port_range(self.webrtc_udp_ports)

    @property
    def webrtc_addresses(self) -> tuple[str, ...]:
        """Addresses in WEBRTC_HOSTS."""
        return addresses(self.webrtc_hosts)

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """Servers in WEBRTC_ICE_SERVERS."""
        return ice_servers(self.webrtc_ice_servers)
