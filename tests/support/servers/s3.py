"""An S3-compatible object store for the length of a context, and a line to it that can be watched and cut.

The store is moto's server: a real HTTP server with ranges, ETags and If-Match, multipart uploads and
their least size of a part. It checks no signatures, knows no quota, and dates all uploads 2010.
"""

import select
import socket
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Self, cast

from botocore.session import Session

from contracts.storage.s3 import S3Storage
from contracts.storage.s3_client import S3Access
from tests.support.deployments.service import free_port
from tests.support.servers.debian import Server, tool

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ACCESS_KEY, SECRET_KEY = "web-detector", "5f0c2f9a7d"
_PIECE = 65_536


class ObjectStore(Server):
    """The server. Buckets are made in it, each for one test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> None:
        self._run([tool("moto_server"), "-H", "127.0.0.1", "-p", str(self.port)])

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        client = Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self.client = cast("S3Client", client)
        return True

    def bucket(self) -> "Bucket":
        """A new, empty bucket."""
        name = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return Bucket(self, name)

    def requests(self, method: str = "") -> list[str]:
        """The requests so far, as the server's log has them."""
        return [line for line in self.log().splitlines() if "HTTP/1.1" in line and f"{method} /" in line]


class Bucket:
    """A bucket, and what lies in it as a look from outside shows it."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.store, self.name = store, name

    def access(self, url: str = "") -> S3Access:
        return S3Access(url or self.store.url, "us-east-1", ACCESS_KEY, SECRET_KEY)

    def storage(self, url: str = "", largest_bytes: int = 0) -> S3Storage:
        return S3Storage(self.name, "web/detector", self.access(url), largest_bytes=largest_bytes)

    def settings(self, url: str = "") -> dict[str, str]:
        """What a service needs to know of it."""
        return {
            "STORAGE_URL": f"s3://{self.name}/web/detector",
            "S3_ENDPOINT_URL": url or self.store.url,
            "S3_ACCESS_KEY_ID": ACCESS_KEY,
            "S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def keys(self) -> list[str]:
        """The keys of all objects, as the storage names them."""
        found = self.store.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(item["Key"].removeprefix("web/detector/") for item in found)

    def uploads(self) -> list[str]:
        """The keys of what is uploaded in parts and not finished."""
        found = self.store.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return sorted(item["Key"].removeprefix("web/detector/") for item in found)


class Line:
    """A TCP line to a server: counts what comes back, and can be cut after so many bytes more."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = free_port()
        self.received = 0
        self._left: int | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self, after: int = 0) -> None:
        """From that many bytes of answers on, all connections break, and so do new ones."""
        with self._lock:
            self._left = after

    def mend(self) -> None:
        """As if nothing had been."""
        with self._lock:
            self._left = None

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.settimeout(0.1)
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _begin(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._begin(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server, suppress(ConnectionError):
            while not self._ended.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.1)
                for side in ready:
                    data = side.recv(_PIECE)
                    if not data or not self._passes(side is server, data, client):
                        return
                    (client if side is server else server).sendall(data)

    def _passes(self, is_answer: bool, data: bytes, client: socket.socket) -> bool:
        """Whether the line is whole; else what still goes through has been sent."""
        with self._lock:
            left = self._left
            if not is_answer:
                return left != 0
            self.received += len(data) if left is None else min(len(data), left)
            if left is None:
                return True
            self._left = max(0, left - len(data))
        if len(data) > left:
            client.sendall(data[:left])
            return False
        return True
