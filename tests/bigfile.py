"""A video of any size, and a client that sends it with next to no work of its own."""

import json
import os
import socket
from pathlib import Path
from typing import Any

_BOUNDARY = "9d2c7a1e4f"
_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="video"; filename="big.mp4"\r\n'
    "Content-Type: video/mp4\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
KINDS = {
    "raw": ("video/mp4", b"", b""),
    "form": (f"multipart/form-data; boundary={_BOUNDARY}", _HEAD, _TAIL),
}


def big(sample: Path, target: Path, size: int) -> Path:
    """The sample with empty room behind its index, up to the size in bytes. On disk it takes no room."""
    content = sample.read_bytes()
    room = size - len(content)
    assert room >= 16
    target.write_bytes(content + (1).to_bytes(4, "big") + b"free" + room.to_bytes(8, "big"))
    os.truncate(target, size)
    return target


def send(port: int, token: str, path: Path, kind: str) -> Any:
    """Upload a file in one go, as the kind of KINDS; the answer's JSON. Raises AssertionError unless it is 201."""
    content_type, head, tail = KINDS[kind]
    length = len(head) + path.stat().st_size + len(tail)
    request = (
        f"POST /api/v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection, path.open("rb") as file:
        connection.sendall(request.encode() + head)
        connection.sendfile(file)
        connection.sendall(tail)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 201"), answer
    return json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
