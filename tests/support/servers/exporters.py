"""Exporters as Debian packages them, started with the variables of deploy/monitoring.yaml."""

import urllib.error
import urllib.request

from tests.support.servers.debian import Server, tool


class Exporter(Server):
    """name: of Debian's package and its program. environ: which server it reads."""

    def __init__(self, name: str, **environ: str) -> None:
        super().__init__()
        self._name, self._environ = name, environ

    def _start(self) -> None:
        self._run([tool(self._name), f"--web.listen-address=127.0.0.1:{self.port}"], self._environ)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
                return bool(answer.read())
        except (OSError, urllib.error.URLError):
            return False
