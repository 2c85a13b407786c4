"""One call of a webhook: payload, outcome."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
import msgspec

from api.notify.webhook_signature import signature_headers
from api.outbound.guarded_network import GuardedNetwork
from api.outbound.http_client import HttpClient, status_text
from contracts.errors import ImportFailed, ImportRefused, WebhookBusy, WebhookRefused
from contracts.network.address_rules import ParsedUrl, parse
from contracts.runtime.tracing import Span

_SUCCESS = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class WebhookPayload:
    """The payload of a webhook call. id: the same for every attempt, so that the receiver can detect duplicates.
    subject: what the event is about, by the name of its kind. span: of the job that it is about."""

    id: str
    event: str
    created_at: datetime
    subject: Mapping[str, Any]
    span: Span | None = None

    def body(self) -> bytes:
        """The JSON document."""
        about = {"id": self.id, "event": self.event, "created_at": self.created_at}
        return msgspec.json.encode({**about, **self.subject})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt. status: HTTP status, None without a response. error: None for success."""

    status: int | None
    error: str | None


class Sender:
    """Calls webhooks over a guarded network.

    seconds: timeout of one call, from DNS lookup to response headers. tls: as in HttpClient.
    """

    def __init__(self, network: GuardedNetwork, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        self._network = network
        self._seconds = seconds
        self._web = HttpClient(network, seconds, seconds, seconds, tls)
        self._testing: set[str] = set()

    async def check(self, user: str, url: str) -> None:
        """Check that webhooks of a user may be sent to a URL. Raises WebhookRefused."""
        try:
            place = parse(url)
            await self._network.of(user).check(place.host, place.port, self._seconds)
        except ImportRefused as error:
            raise WebhookRefused(error.detail) from error

    async def send(self, user: str, url: str, secret: str, payload: WebhookPayload, moment: datetime) -> Outcome:
        """Make one attempt for a user. Only the status counts: the body is not read, redirects are not followed."""
        body = payload.body()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Webdetector-Event", payload.event),
            *signature_headers(secret, payload.id, moment, body),
        ]
        with anyio.move_on_after(self._seconds):
            try:
                return await self._post(user, parse(url), headers, body)
            except (ImportRefused, ImportFailed) as error:
                return Outcome(None, error.detail)
        return Outcome(None, f"no answer within {self._seconds:g} s (WEBHOOK_TIMEOUT_SECONDS)")

    @contextmanager
    def testing(self, user: str) -> Iterator[None]:
        """Allow one test per user at a time, so that users cannot flood a host. Raises WebhookBusy."""
        if user in self._testing:
            raise WebhookBusy("another webhook test of yours is still running: wait until it has ended")
        self._testing.add(user)
        try:
            yield
        finally:
            self._testing.discard(user)

    async def _post(self, user: str, place: ParsedUrl, headers: list[tuple[str, str]], body: bytes) -> Outcome:
        async with self._web.request(user, "POST", place, headers, body) as answer:
            status = int(answer.status)
        if status in _SUCCESS:
            return Outcome(status, None)
        more = ": redirects are not followed" if status in _REDIRECTS else ""
        return Outcome(status, f"the address answered {status_text(status)}{more}")
