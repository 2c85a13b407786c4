"""Debian's nginx with the configuration of docs/deploy.md, without TLS."""

import http.client
import re

from tests.support.deployments.service import ROOT
from tests.support.servers.debian import Server, tool


def documented() -> str:
    """The configuration in the docs."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/deploy.md").read_text(), re.DOTALL)
    return str(block)


class Nginx(Server):
    """It passes everything on to a port of 127.0.0.1."""

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

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def _temporary(folder: object) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
