"""An RTSP camera whose answers and media packets a test chooses; one per test, in a thread."""

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

_DESCRIPTION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=camera
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 {}/90000
{}
a=control:track1
"""
_REALM, _NONCE = 'a "camera"', "6e6f6e6365"
_QUOTED = _REALM.replace('"', '\\"')


class ScriptedCamera:
    """Sends the packets, (channel, bytes) each, after PLAY, and then nothing on an open connection.

    encoding, parameters: of the video in its description. login: (user, password) that it wants. scheme: "digest" or
    "basic". answers: by method, in place of its own.
    """

    def __init__(
        self,
        packets: Sequence[tuple[int, bytes]] = (),
        encoding: str = "H264",
        parameters: str = "",
        login: tuple[str, str] | None = None,
        scheme: str = "digest",
        answers: dict[str, bytes] | None = None,
    ) -> None:
        self._packets, self._login, self._scheme = packets, login, scheme
        self._description = _DESCRIPTION.format(encoding, f"a=fmtp:96 {parameters}" if parameters else "a=x")
        self._answers = dict(answers or {})
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.nonce, self.renew = _NONCE, threading.Event()  # set it, and the nonce is another one from then on
        self.requests: list[str] = []
        self.closed = threading.Event()  # a connection was closed by the client
        self._threads = [threading.Thread(target=self._accept)]

    def url(self, login: str = "") -> str:
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/stream?channel=1"

    def __enter__(self) -> "ScriptedCamera":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def answer(self, method: str, answer: bytes) -> None:
        """What requests are answered with from now on; CSEQ stands for the number of the request."""
        self._answers[method] = answer

    def methods(self) -> list[str]:
        """Of the requests that came."""
        return [one.split(" ")[0] for one in self.requests]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as lines:
            while head := self._request(lines.readline):
                self.requests.append(head)
                method = head.split(" ")[0]
                number = re.search(r"CSeq: (\d+)", head)
                assert number is not None
                answer = self._answers.get(method) or self._answer(method, head)
                connection.sendall(answer.replace(b"CSEQ", b"CSeq: " + number[1].encode()))
                if method == "PLAY" and b" 200 " in answer:
                    for channel, packet in self._packets:
                        connection.sendall(b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet)
        self.closed.set()

    def _request(self, readline: Callable[[], bytes]) -> str:
        head = b""
        while (line := readline()) not in (b"", b"\r\n"):
            head += line
        return head.decode()

    def _answer(self, method: str, head: str) -> bytes:
        if method == "GET_PARAMETER" and self.renew.is_set():
            self.renew.clear()
            self.nonce = "72656e65776564"
        if self._login is not None and not self._is_authorized(method, head):
            asks = (
                f'Digest realm="{_QUOTED}", nonce="{self.nonce}", qop="auth"' if self._scheme == "digest" else "Basic"
            )
            return f"RTSP/1.0 401 Unauthorized\r\nCSEQ\r\nWWW-Authenticate: {asks}\r\n\r\n".encode()
        if method == "DESCRIBE":
            base = f"Content-Base: {self.url().partition('?')[0]}/\r\nContent-Type: application/sdp\r\n"
            text = (
                f"RTSP/1.0 200 OK\r\nCSEQ\r\n{base}Content-Length: {len(self._description)}\r\n\r\n{self._description}"
            )
            return text.encode()
        more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n"
        if method == "SETUP":
            more = "Session: 7;timeout=2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n"
        return f"RTSP/1.0 200 OK\r\nCSEQ\r\n{more}\r\n".encode()

    def _is_authorized(self, method: str, head: str) -> bool:
        """By hand, apart from the code that is tested."""
        assert self._login is not None
        user, password = self._login
        if self._scheme == "basic":
            return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n" in head
        fields = dict(re.findall(r'(\w+)="?((?:[^",\\\r\n]|\\.)*)"?', head.partition("Authorization: Digest ")[2]))
        if not fields:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        uri = head.split(" ")[1]
        middle = ":".join((fields["nonce"], fields["nc"], fields["cnonce"], "auth"))
        expected = md5(f"{md5(f'{user}:{_REALM}:{password}')}:{middle}:{md5(f'{method}:{uri}')}")
        return (fields["uri"], fields["response"], fields["nonce"]) == (uri, expected, self.nonce)
