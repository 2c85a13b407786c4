"""Debian's coturn: a TURN server on 127.0.0.1, which relays between addresses of this machine."""

import socket
from contextlib import closing

from contracts.settings.ice_servers import IceServer, ice_servers
from tests.support.servers.debian import PASSWORD, USER, Server, tool


class Coturn(Server):
    """servers: it, as WEBRTC_ICE_SERVERS names it."""

    @property
    def servers(self) -> tuple[IceServer, ...]:
        return ice_servers(f"turn:{USER}:{PASSWORD}@127.0.0.1:{self.port}")

    def _start(self) -> None:
        options = ["--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--simple-log", "--verbose"]
        options += ["--listening-ip=127.0.0.1", f"--listening-port={self.port}", "--relay-ip=127.0.0.1"]
        options += ["--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=test"]
        # As docs/live.md says; 127.0.0.1 is a peer that it refuses else.
        options += ["--denied-peer-ip=0.0.0.0-255.255.255.255", "--allowed-peer-ip=127.0.0.1", "--allow-loopback-peers"]
        places = [f"--pidfile={self.folder}/pid", f"--userdb={self.folder}/users", f"-c{self.folder}/none.conf"]
        (self.folder / "none.conf").touch()
        self._run([tool("turnserver"), *options, *places])

    def _answers(self) -> bool:
        with closing(socket.socket()) as made:
            made.settimeout(1)
            return made.connect_ex(("127.0.0.1", self.port)) == 0
