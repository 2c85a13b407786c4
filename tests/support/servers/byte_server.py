"""A web server on loopback whose answers are bytes as a test wants them, whatever HTTP says about them."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

Route = Callable[[socket.socket], object]


class Web:
    """Serves the routes, a path each. Use as a context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Route] = {}
        self.requests: list[str] = []  # the heads that came
        self.connections = 0
        self._tls = tls
        self._listener = socket.create_server((host, port))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Web":
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the one that accepts
        self._listener.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def serve(self, path: str, route: Route) -> str:
        """The URL of a path that is answered by the route from now on."""
        self.routes[path] = route
        return self.url + path

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._run(self._answer, connection)

    def _answer(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):  # whoever asked has gone
            plain.settimeout(30)
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    if not (piece := connection.recv(1)):
                        return
                    head += piece
                    if not b"GET ".startswith(head[:4]):  # such as TLS where none is spoken
                        reply(b"", "400 Bad Request")(connection)
                        return
                self.requests.append(head.decode("latin-1"))
                path = self.requests[-1].split(" ")[1].partition("?")[0]
                self.routes.get(path, reply(b"", "404 Not Found"))(connection)


def reply(body: bytes, status: str = "200 OK", kind: str | None = "video/mp4", **headers: object) -> Route:
    """A whole answer. Headers by their names with _ for -; Content-Length is the body's unless it is given."""
    lines = {"Content-Length": len(body), **({"Content-Type": kind} if kind else {})}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return lambda connection: connection.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def redirect(location: str, status: str = "302 Found") -> Route:
    """An answer that leads elsewhere."""
    return reply(b"", status, None, Location=location)


def chunked(pieces: Iterator[bytes], kind: str = "video/mp4") -> Route:
    """An answer that does not tell its length."""

    def send(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for piece in pieces:
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    return send


def certificate(folder: Path, names: str) -> Path:
    """A key and a certificate that it signed itself, in one file; names as in IP:127.0.0.1,DNS:localhost."""
    path = folder / "server.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    make += ["-subj", "/CN=test", "-addext", f"subjectAltName={names}", "-days", "2", "-keyout", str(path), "-out", "-"]
    made = subprocess.run(make, check=True, capture_output=True)
    with path.open("ab") as file:
        file.write(made.stdout)
    return path
