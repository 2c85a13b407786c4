"""Whether the api reaches the servers that it needs. Anybody may ask, so the answer is kept for a second."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

log = logging.getLogger(__name__)

READY, NOT_READY = "ready", "unavailable"
_KEEP_SECONDS = 1.0
_WAIT_SECONDS = 3.0


class Readiness:
    """Asks the servers, all at once, each at most once a second however many ask."""

    def __init__(self, checks: Mapping[str, Callable[[], object]], workers: Callable[[], Mapping[Any, int]]) -> None:
        """checks: by the server's name; a check raises when the server does not answer. workers: the number of live
        workers of each role, read from Redis, which it checks."""
        self._checks = {**checks, "redis": workers}
        # A thread for each, so that a check waits neither for requests nor for a server that hangs.
        self._threads = {name: CapacityLimiter(1) for name in self._checks}
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._asking = asyncio.Lock()
        self._report: dict[str, Any] = {}
        self._until = 0.0

    async def report(self) -> dict[str, Any]:
        """status, what each check found, and the workers where Redis answers."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._report = await self._ask()
                self._until = time.monotonic() + _KEEP_SECONDS
            return self._report

    async def _ask(self) -> dict[str, Any]:
        found = dict(zip(self._checks, await asyncio.gather(*map(self._check, self._checks)), strict=True))
        checks = {name: state for name, (state, _) in found.items()}
        ready = all(state == "ok" for state in checks.values())
        return {"status": READY if ready else NOT_READY, "checks": checks, "workers": found["redis"][1] or {}}

    async def _check(self, name: str) -> tuple[str, Any]:
        """What the check found, and what it returned. One that has not ended is waited for, and not begun again."""
        asking = self._running.get(name)
        if asking is None or asking.done():
            limiter = self._threads[name]
            asking = self._running[name] = asyncio.create_task(run_sync(self._checks[name], limiter=limiter))
        await asyncio.wait({asking}, timeout=_WAIT_SECONDS)
        if not asking.done():
            log.warning("not ready: %s does not answer", name)
            return "failed: TimeoutError", None
        if error := asking.exception():  # any error of a client library means not ready
            log.warning("not ready: %s: %s", name, error)
            return f"failed: {type(error).__name__}", None
        return "ok", asking.result()
