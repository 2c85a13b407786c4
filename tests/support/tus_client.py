"""A client of resumable uploads, whose connection breaks where a test wants it to."""

import base64
import socket
from typing import Self

import httpx

from tests.support.deployments.service import Client

HEADERS = {"Tus-Resumable": "1.0.0"}
PIECE = {**HEADERS, "Content-Type": "application/offset+octet-stream"}


def metadata(**facts: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts.items())


class Upload:
    """One upload of some content."""

    def __init__(self, client: Client, content: bytes) -> None:
        self.client, self.content = client, content
        self.path = ""

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    def begin(self, first: bytes | None = None, **facts: str) -> Self:
        headers = {**(HEADERS if first is None else PIECE), "Upload-Length": str(len(self.content))}
        if facts:
            headers["Upload-Metadata"] = metadata(**facts)
        answer = self.client.request("POST", "/uploads", headers=headers, content=first or b"")
        assert answer.status_code == 201, answer.text
        assert answer.headers["tus-resumable"] == "1.0.0"
        self.path = answer.headers["location"]
        assert self.path.startswith("/api/v1/uploads/")
        return self

    def head(self) -> httpx.Response:
        return self.client.request("HEAD", self.path, headers=HEADERS)

    def offset(self) -> int:
        answer = self.head()
        assert answer.status_code == 200, answer.headers
        assert int(answer.headers["upload-length"]) == len(self.content)
        assert answer.headers["cache-control"] == "no-store"
        return int(answer.headers["upload-offset"])

    def patch(self, start: int, stop: int | None = None, **headers: str) -> httpx.Response:
        content = self.content[start:stop]
        told = {**PIECE, "Upload-Offset": str(start), **{name.replace("_", "-"): headers[name] for name in headers}}
        answer = self.client.request("PATCH", self.path, headers=told, content=content)
        assert answer.headers["tus-resumable"] == "1.0.0"
        return answer

    def put(self, start: int, stop: int | None = None) -> int:
        """A piece that must be taken; the new offset."""
        answer = self.patch(start, stop)
        assert answer.status_code == 204, answer.text
        assert answer.content == b""
        return int(answer.headers["upload-offset"])

    def open(self, port: int, start: int) -> socket.socket:
        """A connection on which a PATCH of all that is missing has begun."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        head = (
            f"PATCH {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: {self.client.http.headers['Authorization']}\r\n"
            f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {start}\r\n"
            f"Content-Length: {len(self.content) - start}\r\n\r\n"
        )
        connection.sendall(head.encode())
        return connection

    def cut(self, port: int, start: int, stop: int) -> None:
        """Send what lies between, of a PATCH that was to send all the rest, and break off."""
        with self.open(port, start) as connection:
            connection.sendall(self.content[start:stop])

    def go_on(self, start: int, stop: int | None = None) -> int:
        """Send what lies between; the new offset. What a broken connection carried may still come in between."""
        while (answer := self.patch(start, stop)).status_code == 409:
            start = self.offset()
            stop = stop if stop is None else max(start, stop)
        assert answer.status_code == 204, answer.text
        return int(answer.headers["upload-offset"])

    def give_up(self) -> None:
        answer = self.client.request("DELETE", self.path, headers=HEADERS)
        assert answer.status_code == 204, answer.text
