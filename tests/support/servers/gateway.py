"""Debian's nginx as a gateway: with the configuration of docs/deploy.md, and with that of deploy/gateway."""

import http.client
import os
import re
import shutil
import ssl
from pathlib import Path

from tests.support.deployments.service import ROOT, free_port
from tests.support.servers.byte_server import certificate
from tests.support.servers.debian import Server, tool

GATEWAY = ROOT / "deploy/gateway"
HSTS_SECONDS = 60
_USER = "10001"  # of the container


def documented() -> str:
    """The configuration in the docs, for an nginx of one's own."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/deploy.md").read_text(), re.DOTALL)
    return str(block)


class Nginx(Server):
    """The documented one, without TLS. It passes everything on to a port of 127.0.0.1."""

    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __init__(self, port: int) -> None:
        super().__init__()
        self._passed_on_to = port

    def _start(self) -> None:
        site = documented().replace("443 ssl", f"127.0.0.1:{self.port}").replace(":8080", f":{self._passed_on_to}")
        site = re.sub(r"(?m)^ *(ssl_|server_name).*\n", "", site)
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/pid; user root; error_log {self.folder}/error.log; events {{}}\n"
            f"http {{ access_log off;\n{_temporary(self.folder)}{site}}}\n"
        )
        self._run([tool("nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")])

    def connection(self, seconds: float) -> http.client.HTTPConnection:
        """One that waits so long at most."""
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def _answers(self) -> bool:
        connection = self.connection(2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Gateway(Nginx):
    """That of the profile `gateway`, started by its own script, as its own user. port: with TLS, or else without.

    grafana: address of Grafana. encrypted: with a certificate, which `tls` trusts. few_files: as in a container that
    may open 1024 files, and more where it asks.
    """

    def __init__(
        self, port: int, *, grafana: str = "127.0.0.1:9", encrypted: bool = True, few_files: bool = False
    ) -> None:
        super().__init__(port)
        self._grafana, self._encrypted = grafana, encrypted
        self._before = ["prlimit", "--nofile=1024:"] if few_files else []

    def _start(self) -> None:
        self.plain_port = free_port() if self._encrypted else self.port
        self.health_port = free_port()
        self.certificates = self.folder / "certificates"
        self.certificates.mkdir()
        files = shutil.copytree(GATEWAY, self.folder / "gateway")  # the checkout may be closed to other users
        places = {
            "API": f"127.0.0.1:{self._passed_on_to}",
            "GRAFANA": self._grafana,
            "HTTP_PORT": str(self.plain_port),
            "HTTPS_PORT": str(self.port),
            "HEALTH_PORT": str(self.health_port),
            "CERTIFICATES": str(self.certificates),
            "STATE": str(self.folder / "state"),
            "PATH": f"{Path(tool('nginx')).parent}:{os.environ['PATH']}",
        }
        if self._encrypted:
            self.certify()
            places |= {
                "GATEWAY_CERTIFICATES": "/etc/web-detector",
                "GATEWAY_HTTPS_PORT": str(self.port),
                "GATEWAY_HSTS_SECONDS": str(HSTS_SECONDS),
            }
        self._run([*self._before, *self._as_its_user(), "/bin/sh", str(files / "start-gateway")], places)

    def certify(self) -> None:
        """A new certificate, in the place of the old one."""
        both = certificate(self.folder, "IP:127.0.0.1,DNS:localhost")
        self.tls = ssl.create_default_context(cafile=both)
        for name in ("fullchain.pem", "privkey.pem"):
            shutil.copy(both, self.certificates / name)
            if os.geteuid() == 0:
                os.chown(self.certificates / name, int(_USER), int(_USER))
            (self.certificates / name).chmod(0o400)
        both.unlink()

    def _as_its_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        for path in (self.folder, self.certificates):
            os.chown(path, int(_USER), int(_USER))
        return ["setpriv", "--reuid", _USER, "--regid", _USER, "--clear-groups", "--pdeathsig", "TERM"]


def _temporary(folder: object) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
