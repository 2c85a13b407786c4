"""The life of a viewer's socket, with a client that the test plays."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from api.live import hub as hub_module
from api.live import viewer_socket
from api.live.hub import LiveHub, Looked, Viewer
from api.live.messages import Result
from api.live.outbox import Outbox
from api.live.viewer_socket import ViewerSocket
from api.web.websockets import WebSocket
from contracts.errors import TooManyStreams, Unavailable


class Client:
    """The other end. stuck: it reads nothing."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.stuck = stuck
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, message: Any) -> None:
        if self.stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.sent.append(dict(message))

    @property
    def closed_with(self) -> int | None:
        return next((one["code"] for one in self.sent if one["type"] == "websocket.close"), None)


async def nothing(_after: float) -> Sequence[Result]:
    return []


class Nobody:
    """A Redis that never answers."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return asyncio.Event().wait()


def hub() -> LiveHub:
    def look(credentials: Sequence[str], streams: Sequence[str]) -> Looked:
        return Looked(set(credentials), dict.fromkeys(streams, '{"type":"stats"}'))

    return LiveHub(Nobody(), look, Nobody())  # type: ignore[arg-type]


def run(client: Client, steps: Callable[[LiveHub, Viewer], Awaitable[None]]) -> None:
    """Run a socket beside steps, to its end."""

    async def main() -> None:
        watching, viewer = hub(), Viewer("stream", "user", "credential", Outbox())
        watching.add(viewer)
        socket = WebSocket(client.messages.get, client.send)
        response = ViewerSocket(watching, viewer, socket, "{}", nothing)
        running = asyncio.create_task(response({}, client.messages.get, client.send))
        await steps(watching, viewer)
        await asyncio.wait_for(running, 60)
        with pytest.raises(KeyError):  # the hub has let go of it
            watching.remove(viewer)

    asyncio.run(main())


async def _no_steps(_hub: LiveHub, _viewer: Viewer) -> None:
    return


def test_a_viewer_that_reads_nothing_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_socket, "STALLED_SECONDS", 0.05)
    client = Client(stuck=True)
    run(client, _no_steps)
    assert client.closed_with == 4408


def test_a_viewer_that_leaves_is_let_go() -> None:
    client = Client()

    async def leave(_hub: LiveHub, _viewer: Viewer) -> None:
        await client.messages.put({"type": "websocket.disconnect", "code": 1006})

    run(client, leave)
    assert client.closed_with is None


def test_a_service_that_stops_says_so_and_takes_no_more() -> None:
    client = Client()

    async def stop(watching: LiveHub, viewer: Viewer) -> None:
        watching.stop()
        with pytest.raises(Unavailable):
            watching.add(Viewer("stream", "user", "credential", Outbox()))

    run(client, stop)
    assert client.closed_with == 1001


def test_missed_results_are_not_waited_for_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_socket, "_BEGIN_SECONDS", 0.05)
    client = Client()

    async def resume(_hub: LiveHub, _viewer: Viewer) -> None:
        start = '{"type": "start", "media": true, "results": true, "after_ms": 0}'
        await client.messages.put({"type": "websocket.receive", "text": start})

    with pytest.raises(Unavailable):
        run(client, resume)


def test_a_failed_look_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the database nor for Redis: what is told again a second later is not worth a connection."""
    monkeypatch.setattr(hub_module, "_PERIOD_SECONDS", 0.01)
    looks = 0

    def look(credentials: Sequence[str], streams: Sequence[str]) -> Looked:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError("no database")
        return Looked(set(credentials), dict.fromkeys(streams, "stats"))

    async def main() -> None:
        watching = LiveHub(Nobody(), look, Nobody())  # type: ignore[arg-type]
        viewer = Viewer("stream", "user", "credential", Outbox())
        watching.add(viewer)
        await asyncio.wait_for(viewer.outbox.wait(), 60)
        assert viewer.outbox.take() == "stats"
        watching.remove(viewer)

    asyncio.run(main())


def test_a_user_may_watch_so_many() -> None:
    async def main() -> None:
        watching = hub()
        viewers = [Viewer("stream", "user", "credential", Outbox()) for _ in range(hub_module.VIEWERS_PER_USER)]
        for viewer in viewers:
            watching.add(viewer)
        with pytest.raises(TooManyStreams):
            watching.add(Viewer("another", "user", "credential", Outbox()))
        for viewer in viewers:
            watching.remove(viewer)

    asyncio.run(main())
