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
        self.ready = True
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, message: Any) -> None:
        if self.stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.sent.append(dict(message))

    def is_ready(self) -> bool:
        return self.ready

    @property
    def said(self) -> list[str]:
        """The texts so far."""
        return [one["text"] for one in self.sent if one.get("text") is not None]

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


class Direct:
    """What sends at once."""

    def __init__(self, client: Client) -> None:
        self.is_ready = client.is_ready
        self._client = client

    def send(self, message: str | bytes) -> None:
        self._client.sent.append({"type": "websocket.send", "text": message})


def run(client: Client, steps: Callable[[LiveHub, Viewer], Awaitable[None]], direct: Direct | None = None) -> None:
    """Run a socket beside steps, to its end."""

    async def main() -> None:
        watching, viewer = hub(), Viewer("stream", "user", "credential", Outbox())
        watching.add(viewer)
        socket = WebSocket(client.messages.get, client.send, direct)
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


def test_a_message_that_is_not_in_utf_8_ends_it() -> None:
    client = Client()

    async def say(_hub: LiveHub, _viewer: Viewer) -> None:
        await client.messages.put({"type": "websocket.receive", "bytes": b'{"type": "\xff"}'})

    run(client, say)
    assert client.closed_with == 4400


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
        said = viewer.outbox.take()
        assert isinstance(said, str)
        assert '"code":"unavailable"' in said
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


def test_a_client_that_reads_is_sent_all_at_once_and_in_order() -> None:
    client = Client()

    async def offer(_hub: LiveHub, viewer: Viewer) -> None:
        outbox = viewer.outbox
        while not (client.said and outbox.is_empty):  # greeted
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        outbox.want(media=True, results=True)
        await asyncio.sleep(0)
        before = len(client.said)
        outbox.offer_result(Result("1", 1))
        assert client.said[before:] == ["1"], "no task had a turn"
        client.ready = False
        outbox.offer_result(Result("2", 2))
        client.ready = True
        outbox.offer_result(Result("3", 3))
        assert client.said[before:] == ["1", "2", "3"], "what waits comes first"
        await client.messages.put({"type": "websocket.disconnect", "code": 1006})

    run(client, offer, Direct(client))


def test_nothing_overtakes_a_message_that_is_being_sent() -> None:
    client, may_send = Client(), asyncio.Event()
    sending = asyncio.Event()
    send = client.send

    async def slowly(message: Any) -> None:
        if message.get("text") == "1":
            sending.set()
            await may_send.wait()
        await send(message)

    client.send = slowly  # type: ignore[method-assign]

    async def offer(_hub: LiveHub, viewer: Viewer) -> None:
        outbox = viewer.outbox
        outbox.want(media=True, results=True)
        client.ready = False
        outbox.offer_result(Result("1", 1))
        await sending.wait()
        client.ready = True  # as between the last byte that is taken and the turn of the task that waits for it
        outbox.offer_result(Result("2", 2))
        may_send.set()
        while "2" not in client.said:
            await asyncio.sleep(0)
        assert [one for one in client.said if one in ("1", "2")] == ["1", "2"]
        await client.messages.put({"type": "websocket.disconnect", "code": 1006})

    run(client, offer, Direct(client))
