"""Address of the API, web UI, and browsers and proxies that it trusts."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated

from contracts.settings.fields import host_names, meta, networks, origins

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    host: Annotated[str, meta("Address that the API listens on.", ("api",))] = "127.0.0.1"
    port: Annotated[int, meta("Port that the API listens on.", ("api",), ge=1, le=65535)] = 8080
    allowed_hosts: Annotated[
        str,
        meta(
            "Host names of the service, which requests may name in Host, comma separated; * means any. Addresses and "
            "localhost are always served. Empty means no others where HOST is a loopback address, else any.",
            ("api",),
            check=host_names,
        ),
    ] = ""
    api_workers: Annotated[int, meta("Number of API processes; each uses one core.", ("api",), ge=1, le=256)] = 2
    page_dir: Annotated[str, meta("Folder of the built web UI; empty means web/dist beside the code.", ("api",))] = ""
    cors_origins: Annotated[
        str,
        meta(
            "Origins that may call the API from a browser (CORS), comma separated, as in https://example.org; "
            "empty means the same origin only.",
            ("api",),
            check=origins,
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        meta(
            "Networks of the reverse proxies whose X-Forwarded-For header is trusted, comma separated.",
            ("api",),
            check=networks,
        ),
    ] = ""

    @property
    def page_path(self) -> Path:
        """Folder of the built web UI."""
        return Path(self.page_dir) if self.page_dir else _ROOT / "web" / "dist"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the API."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def served_hosts(self) -> frozenset[str] | None:
        """Host names in ALLOWED_HOSTS, in lower case; None for any."""
        names = host_names(self.allowed_hosts)
        if not names and self.is_loopback:
            return frozenset()
        return None if not names or "*" in names else names

    @property
    def cors(self) -> tuple[str, ...]:
        """Origins in CORS_ORIGINS."""
        return origins(self.cors_origins)

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks in TRUSTED_PROXIES."""
        return networks(self.trusted_proxies)
