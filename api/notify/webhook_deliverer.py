"""Delivers webhooks that the processor has queued in the database. Each api process runs one in its event loop.

A delivery is leased before it is sent, for longer than a call may take, so that deliveries of a killed process become
due again automatically. Delivery is at least once: a webhook may be called twice, but never not at all.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from anyio.to_thread import run_sync

from api.notify.webhook_call import Outcome, Sender, WebhookPayload
from api.outbound.shares import Shares
from api.tables.webhooks import Due, WebhookTable
from contracts.database.tables import utcnow
from contracts.errors import ImportRefused
from contracts.network.address_rules import parse
from contracts.runtime import tracing
from contracts.runtime.steps import Kind, step
from contracts.wire.webhooks import DeliveryState

log = logging.getLogger(__name__)

# Delays between attempts in seconds; the last one repeats.
PAUSES = (10, 60, 300, 1800, 7200, 21_600, 43_200)
_PERIOD_SECONDS = 1.0
_STOP_SECONDS = 3.0
# Added to the timeout of a call: for slow threads, a slow database, and clock differences.
_LEASE_MARGIN_SECONDS = 10
_PER_HOST = 2

# By delivery id: URL and secret of the webhook, and the payload; None when the webhook, the delivery, or what it is
# about, is deleted.
LoadPayload = Callable[[str], tuple[str, str, WebhookPayload] | None]


class Deliverer:
    """Only the database access runs in threads."""

    def __init__(
        self,
        table: WebhookTable,
        sender: Sender,
        load: LoadPayload,
        *,
        most: int,
        tries: int,
        seconds: float,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """most: concurrent calls. tries: attempts per delivery. seconds: timeout of a call."""
        self._table, self._sender, self._load = table, sender, load
        self._most, self._tries, self._pauses = most, tries, pauses
        self._lease = timedelta(seconds=seconds + _LEASE_MARGIN_SECONDS)
        self._calls: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        self._shares = Shares(most)
        self._wake = asyncio.Event()
        self._stopped = False
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start polling for due deliveries, unless webhooks are disabled (most is 0)."""
        if self._most:
            self._running = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Start no further calls."""
        self._stopped = True
        self._wake.set()

    async def close(self) -> None:
        """Stop, and wait briefly for running calls. Cancelled ones are retried later."""
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
                await self._start_due()
                failed = False
            except Exception as error:  # any error of a client library: the next poll may succeed
                if not failed:
                    log.warning("cannot poll for due webhook deliveries, retrying: %r", error)
                failed = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _PERIOD_SECONDS)

    async def _start_due(self) -> None:
        """Lease due deliveries within the limits, and start their calls."""
        if len(self._calls) >= self._most:
            return
        for due in await run_sync(self._table.due, utcnow()):
            if self._stopped or len(self._calls) >= self._most:
                return
            host = _host(due.url)
            if self._hosts[host] >= _PER_HOST:
                continue
            if due.attempts >= self._tries:  # the process that made the last attempt was killed
                await self._settle(due, due.attempts, Outcome(None, "the service stopped during the last attempt"))
            elif self._shares.take(due.user_id):
                await self._claim(due, host)

    async def _claim(self, due: Due, host: str) -> None:
        """Call, if no other process does. Keeps the user's place during the call."""
        claimed = False
        try:
            claimed = await run_sync(self._table.claim, due, utcnow() + self._lease)
        finally:
            if not claimed:
                self._shares.give_back(due.user_id)
        if claimed:
            self._call(due, host)

    def _call(self, due: Due, host: str) -> None:
        self._hosts[host] += 1
        call = asyncio.create_task(self._deliver(due))
        self._calls.add(call)

        def done(call: asyncio.Task[None]) -> None:
            self._calls.discard(call)
            _decrement(self._hosts, host)
            self._shares.give_back(due.user_id)
            self._wake.set()

        call.add_done_callback(done)

    async def _deliver(self, due: Due) -> None:
        try:
            loaded = await run_sync(self._load, due.id)
            if loaded is not None:
                outcome = await self._send(due, *loaded)
                await self._settle(due, due.attempts + 1, outcome)
        except Exception as error:  # as above; the delivery is due again when its lease expires
            log.warning("webhook delivery %s failed, retrying later: %r", due.id, error)

    async def _send(self, due: Due, url: str, secret: str, payload: WebhookPayload) -> Outcome:
        # Not the URL, which may hold a password.
        with tracing.within(payload.span), step("webhook", Kind.CLIENT, begins=True) as call:
            call.facts |= {"http.request.method": "POST", "server.address": _host(url)}
            call.note(delivery=due.id, event=payload.event, attempt=due.attempts + 1)
            outcome = await self._sender.send(due.user_id, url, secret, payload, utcnow())
            if outcome.status is not None:
                call.facts["http.response.status_code"] = outcome.status
            if outcome.error is not None:
                call.error = str(outcome.status or "no_answer")
        return outcome

    async def _settle(self, due: Due, attempts: int, outcome: Outcome) -> None:
        values = _after(attempts, outcome, utcnow(), self._tries, self._pauses)
        if await run_sync(lambda: self._table.settle(due, attempts, **values)) and outcome.error:
            log.info("webhook attempt %d of %d of delivery %s failed: %s", attempts, self._tries, due.id, outcome.error)


def _after(attempts: int, outcome: Outcome, now: datetime, tries: int, pauses: Sequence[float]) -> dict[str, object]:
    """The column values of a delivery after that many attempts."""
    values: dict[str, object] = {"status": outcome.status, "error": outcome.error}
    if outcome.error is None:
        return {**values, "state": str(DeliveryState.DELIVERED), "finished_at": now}
    if attempts >= tries:
        return {**values, "state": str(DeliveryState.FAILED), "finished_at": now}
    return {**values, "next_at": now + timedelta(seconds=pauses[min(attempts, len(pauses)) - 1])}


def _host(url: str) -> str:
    try:
        return parse(url).host
    except ImportRefused:  # was valid when the webhook was created; the call reports the error
        return url


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
