"""A video of any size, and a client that sends it with next to no work of its own."""

import json
import os
import re
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
    answer = _post(port, "videos", token, {"Content-Type": content_type}, head, path, tail)
    body = answer.partition(b"\r\n\r\n")[2]
    return json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


def send_piece(port: int, token: str, path: Path) -> str:
    """Upload a file as the one piece of a resumable upload; the id of the video. Raises AssertionError unless it is
    201."""
    told = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
    answer = _post(port, "uploads", token, {**told, "Upload-Length": str(path.stat().st_size)}, b"", path, b"")
    found = re.search(rb"location: /api/v1/uploads/([0-9a-f-]{36})\r\n", answer, re.I)
    assert found, answer
    return found[1].decode()


def _post(port: int, name: str, token: str, headers: dict[str, str], head: bytes, path: Path, tail: bytes) -> bytes:
    """Send a file with what stands before and behind it; the whole answer."""
    length = len(head) + path.stat().st_size + len(tail)
    told = {"Host": "127.0.0.1", "Authorization": f"Bearer {token}", **headers, "Content-Length": str(length)}
    lines = "".join(f"{key}: {value}\r\n" for key, value in {**told, "Connection": "close"}.items())
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection, path.open("rb") as file:
        connection.sendall(f"POST /api/v1/{name} HTTP/1.1\r\n{lines}\r\n".encode() + head)
        connection.sendfile(file)
        connection.sendall(tail)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 201"), answer
    return answer
