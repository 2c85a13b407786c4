"""The fetcher by itself: real servers and sockets, with a resolver and limits of the test's own."""

import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request

from api.outbound.guarded_network import GuardedNetwork, Resolve
from api.outbound.name_lookup import Lookups
from api.requests.size_limit import SizeLimit
from api.uploads.upload_writer import Stored, UploadWriter
from api.uploads.url_fetcher import Fetched, Fetcher
from api.uploads.url_import import Imports, cancel_on_disconnect
from api.web.problems import status_of
from contracts.errors import ImportFailed, ImportRefused, ImportsOff, TooManyImports, UploadIncomplete
from contracts.storage.local import LocalStorage
from tests.support.servers.byte_server import Web, certificate, chunked, redirect, reply
from tests.support.servers.debian import require

NAME = "video.example"
LIMIT = SizeLimit(1_000_000)
# Stands for the public internet; the rest of loopback is as closed as ever.
PUBLIC = (ip_network("127.0.0.2/31"),)


class Names:
    """A resolver that gives one list of addresses after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = iter(answers)

    async def __call__(self, host: str, port: int, user: str) -> list[str]:
        self.asked.append(host)
        return next(self._answers)


def fetch(
    url: str, folder: Path, resolve: Resolve, seconds: float = 60, tls: ssl.SSLContext | None = None
) -> tuple[Fetched, Stored]:
    """As the api does it. Afterwards nothing but a whole file may be in the folder."""
    storage = LocalStorage(folder)
    fetcher = Fetcher(GuardedNetwork(PUBLIC, resolve), seconds, tls)

    async def run() -> tuple[Fetched, Stored]:
        async with UploadWriter(storage.create("x"), LIMIT) as writer:
            return await fetcher.fetch("carol", url, LIMIT, writer.write), await writer.finish()

    return anyio.run(run)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


@pytest.fixture
def public() -> Iterator[Web]:
    with Web("127.0.0.2") as running:
        yield running


@pytest.fixture
def inside(public: Web) -> Iterator[Web]:
    """At the same port, but where imports may not go."""
    with Web("127.0.0.1", public.port) as running:
        yield running


def test_dns_rebinding_connects_to_the_checked_address(public: Web, inside: Web, tmp_path: Path) -> None:
    public.serve("/x", reply(b"outside"))
    inside.serve("/x", reply(b"inside"))
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    fetched, stored = fetch(f"http://{NAME}:{public.port}/x", tmp_path, names)
    assert (stored.size_bytes, fetched.name) == (len(b"outside"), "x")
    assert (tmp_path / "x").read_bytes() == b"outside"
    assert names.asked == [NAME]
    assert f"\r\nHost: {NAME}:{public.port}\r\n" in public.requests[0]
    assert inside.connections == 0


def test_every_redirect_is_checked(public: Web, inside: Web, tmp_path: Path) -> None:
    public.serve("/x", redirect("/y"))
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    with pytest.raises(ImportRefused):
        fetch(f"http://{NAME}:{public.port}/x", tmp_path, names)
    assert (public.connections, inside.connections, names.asked) == (1, 0, [NAME, NAME])
    assert files(tmp_path) == []


@pytest.mark.parametrize("among", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%lo"])
def test_one_private_address_among_several_refuses_the_host(public: Web, tmp_path: Path, among: str) -> None:
    with pytest.raises(ImportRefused):
        fetch(f"http://{NAME}:{public.port}/x", tmp_path, Names(["127.0.0.2", among]))
    assert public.connections == 0


def test_the_next_address_is_tried(public: Web, tmp_path: Path) -> None:
    public.serve("/x", reply(b"outside"))
    fetch(f"http://{NAME}:{public.port}/x", tmp_path, Names(["127.0.0.3", "::ffff:127.0.0.2"]))
    assert files(tmp_path) == ["x"]


def test_number_of_tried_addresses_is_limited(public: Web, tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="cannot be reached"):
        fetch(f"http://{NAME}:{public.port}/x", tmp_path, Names(["127.0.0.3"] * 10 + ["127.0.0.2"]))
    assert public.connections == 0


def test_tls_verifies_the_host_name(tmp_path: Path) -> None:
    require("openssl")
    pem = certificate(tmp_path, f"DNS:{NAME}")
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=pem)
    served.load_cert_chain(pem)
    asked: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: asked.append(name)
    with Web("127.0.0.2", tls=served) as web:
        web.serve("/x", reply(b"outside"))
        fetch(f"https://{NAME}:{web.port}/x", tmp_path / "a", Names(["127.0.0.2"]), tls=trusting)
        assert asked == [NAME]
        with pytest.raises(ImportFailed, match="not valid for 'other"):
            fetch(f"https://other.example:{web.port}/x", tmp_path / "b", Names(["127.0.0.2"]), tls=trusting)
        with pytest.raises(ImportFailed, match="not trusted: self-signed"):
            fetch(f"https://{NAME}:{web.port}/x", tmp_path / "c", Names(["127.0.0.2"]))
        assert len(web.requests) == 1
    assert not any(files(tmp_path / name) for name in "bc")


def test_slow_download_times_out(public: Web, tmp_path: Path) -> None:
    def drip() -> Iterator[bytes]:
        while True:  # until nobody listens any more
            time.sleep(0.02)
            yield b"x"

    public.serve("/x", chunked(drip()))
    with pytest.raises(ImportFailed, match=r"longer than 0\.3 s"):
        fetch(f"{public.url}/x", tmp_path, Names(["127.0.0.2"]), seconds=0.3)
    assert files(tmp_path) == []


def test_slow_name_resolution_times_out(public: Web, tmp_path: Path) -> None:
    async def never(host: str, port: int, user: str) -> list[str]:
        await anyio.sleep_forever()
        return []

    with pytest.raises(ImportFailed):
        fetch(f"http://{NAME}:{public.port}/x", tmp_path, never, seconds=0.2)
    assert public.connections == 0


def test_concurrency_limit_applies_and_0_disables_imports() -> None:
    fetcher = Fetcher(GuardedNetwork((), Lookups()), 1)
    imports = Imports(fetcher, 1)
    for _ in range(2):  # a place is free again afterwards
        with imports.slot("carol"), pytest.raises(TooManyImports) as busy, imports.slot("dave"):
            pass
    with pytest.raises(ImportsOff) as off, Imports(fetcher, 0).slot("carol"):
        pass
    assert [status_of(error.value) for error in (busy, off)] == [429, 403]


def test_import_is_cancelled_only_when_the_client_disconnects() -> None:
    """gunicorn would end it too, but only seconds later; other servers leave it to the application."""

    async def client_that_goes() -> dict[str, str]:
        await begun.wait()
        return {"type": "http.disconnect"}

    async def client_that_stays() -> dict[str, str]:
        await anyio.sleep_forever()
        return {}

    async def endless() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    async def short() -> str:
        return "done"

    async def broken() -> None:
        raise ImportFailed("as it is")

    async def run() -> None:
        assert await cancel_on_disconnect(Request({"type": "http"}, client_that_stays), short) == "done"
        with pytest.raises(ImportFailed, match="as it is"):
            await cancel_on_disconnect(Request({"type": "http"}, client_that_stays), broken)
        with anyio.fail_after(30), pytest.raises(UploadIncomplete):
            await cancel_on_disconnect(Request({"type": "http"}, client_that_goes), endless)

    begun, ended = anyio.Event(), list[bool]()
    anyio.run(run)
    assert ended == [True]
