"""Tells webhooks what the processor noted for them. Every process of the api runs one, in its event loop.

A delivery is claimed before it is sent, for longer than a call may take: what a killed process had in hand is due
again by itself. So a webhook may be told twice, and never not at all.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from anyio.to_thread import run_sync

from api.notify.webhook_call import Outcome, Sender, WebhookPayload
from api.outbound.address_rules import parse
from api.tables.webhooks import Due, WebhookTable
from contracts.database.tables import utcnow
from contracts.errors import ImportRefused
from contracts.wire.webhooks import DeliveryState

log = logging.getLogger(__name__)

# Between a try and the next, in seconds; the last one holds for all that follow.
PAUSES = (10, 60, 300, 1800, 7200, 21_600, 43_200)
_PERIOD_SECONDS = 1.0
_STOP_SECONDS = 3.0
# Beside the call itself: for threads and tables that are slow, and clocks that differ.
_CLAIM_MARGIN_SECONDS = 10
_PER_HOST = 2
_PER_USER = 4

# Of a delivery's id: the webhook's URL and secret, and what it is told; None when one of them is gone.
Write = Callable[[str], tuple[str, str, WebhookPayload] | None]


class Deliverer:
    """Everything but the tables happens in the event loop."""

    def __init__(
        self,
        table: WebhookTable,
        sender: Sender,
        write: Write,
        *,
        most: int,
        tries: int,
        seconds: float,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """most: calls at once. seconds: that a call may take."""
        self._table, self._sender, self._write = table, sender, write
        self._most, self._tries, self._pauses = most, tries, pauses
        self._claim = timedelta(seconds=seconds + _CLAIM_MARGIN_SECONDS)
        self._calls: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        self._users: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._stopped = False
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due. With no calls allowed there is nothing to begin."""
        if self._most:
            self._running = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Nothing more is begun."""
        self._stopped = True
        self._wake.set()

    async def close(self) -> None:
        """Stop, and wait a little for the calls in hand; those that are not done then are made again later."""
        self.stop()
        if self._running:
            await self._running
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=_STOP_SECONDS)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        failed = False
        while not self._stopped:
            self._wake.clear()
            try:
                await self._begin()
                failed = False
            except Exception as error:  # whatever a client library raises, the next look may succeed
                if not failed:
                    log.warning("it cannot be looked for what webhooks are to be told: %r", error)
                failed = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _PERIOD_SECONDS)

    async def _begin(self) -> None:
        """Claim what is due and has room, and call."""
        if len(self._calls) >= self._most:
            return
        for due in await run_sync(self._table.due, utcnow()):
            if self._stopped or len(self._calls) >= self._most:
                return
            host = _host(due.url)
            if self._hosts[host] >= _PER_HOST or self._users[due.user_id] >= _PER_USER:
                continue
            if due.attempts >= self._tries:  # whoever made the last one was killed
                await self._settle(due, due.attempts, Outcome(None, "the service stopped at the last try"))
            elif await run_sync(self._table.claim, due, utcnow() + self._claim):
                self._call(due, host)

    def _call(self, due: Due, host: str) -> None:
        self._hosts[host] += 1
        self._users[due.user_id] += 1
        call = asyncio.create_task(self._deliver(due))
        self._calls.add(call)

        def done(call: asyncio.Task[None]) -> None:
            self._calls.discard(call)
            _give_back(self._hosts, host)
            _give_back(self._users, due.user_id)
            self._wake.set()

        call.add_done_callback(done)

    async def _deliver(self, due: Due) -> None:
        try:
            payload = await run_sync(self._write, due.id)
            if payload is not None:
                outcome = await self._sender.send(*payload, utcnow())
                await self._settle(due, due.attempts + 1, outcome)
        except Exception as error:  # as above; what was claimed is due again when the claim is over
            log.warning("the delivery %s is tried again later: %r", due.id, error)

    async def _settle(self, due: Due, attempts: int, outcome: Outcome) -> None:
        values = _after(attempts, outcome, utcnow(), self._tries, self._pauses)
        if await run_sync(lambda: self._table.settle(due, attempts, **values)) and outcome.error:
            log.info("webhook not told, try %d of %d of delivery %s: %s", attempts, self._tries, due.id, outcome.error)


def _after(attempts: int, outcome: Outcome, now: datetime, tries: int, pauses: Sequence[float]) -> dict[str, object]:
    """What becomes of a delivery after that many attempts."""
    values: dict[str, object] = {"status": outcome.status, "error": outcome.error}
    if outcome.error is None:
        return {**values, "state": str(DeliveryState.DELIVERED), "finished_at": now}
    if attempts >= tries:
        return {**values, "state": str(DeliveryState.FAILED), "finished_at": now}
    return {**values, "next_at": now + timedelta(seconds=pauses[min(attempts, len(pauses)) - 1])}


def _host(url: str) -> str:
    try:
        return parse(url).host
    except ImportRefused:  # it was not when the webhook was made; the call will say so
        return url


def _give_back(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
