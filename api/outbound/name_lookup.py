"""Looks up host names in threads of its own.

The system's resolver cannot be interrupted: a name whose servers do not answer holds its thread for half a minute, in
the pool that others use (asyncio's own) as well as here.
"""

import asyncio
import socket
import threading
from concurrent.futures import Future

import anyio

from api.outbound.shares import Shares

_MOST = 16
_WAIT_SECONDS = 0.05


class Lookups:
    """At most so many look-ups at once, which users share. A look-up that nobody waits for any more counts until the
    resolver gives up."""

    def __init__(self, most: int = _MOST) -> None:
        self._shares = Shares(most)

    async def __call__(self, host: str, port: int, user: str) -> list[str]:
        """All addresses of a host from the system's resolver, preferred ones first. Waits while the user's share is
        used up. user: whose share."""
        while not self._shares.take(user):
            await anyio.sleep(_WAIT_SECONDS)
        found: Future[list[str]] = Future()

        def work() -> None:
            try:
                addresses = _resolve(host, port)
            finally:
                self._shares.give_back(user)
            if found.set_running_or_notify_cancel():
                found.set_result(addresses)

        threading.Thread(target=work, name="lookup", daemon=True).start()
        return await asyncio.wrap_future(found)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
