"""One call of a webhook: what is sent, signed, and what came of it."""

import hashlib
import hmac
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
import msgspec

from api.outbound.address_rules import ParsedUrl, parse
from api.outbound.guarded_network import GuardedNetwork
from api.outbound.http_client import HttpClient, status_text
from contracts.errors import ImportFailed, ImportRefused, WebhookBusy, WebhookRefused

# Says to whoever finds one what it is.
_PREFIX = "wdwh_"
_RANDOM_BYTES = 32
_GOOD = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class WebhookPayload:
    """What is told to a webhook. id: the same at every try, so that whoever gets it twice can tell."""

    id: str
    event: str
    created_at: datetime
    job: dict[str, Any] | None

    def body(self) -> bytes:
        """The document that is sent."""
        facts = {"id": self.id, "event": self.event, "created_at": self.created_at, "job": self.job}
        return msgspec.json.encode(facts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one try. status: of the answer, if there was one. error: why it was no success, None if it was."""

    status: int | None
    error: str | None


def new_secret() -> str:
    """A secret that signs what one webhook gets."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def signature(secret: str, moment: datetime, body: bytes) -> str:
    """The header that shows from whom a body comes, and when it was sent (in whole seconds since 1970, UTC)."""
    told = int(moment.timestamp())
    digest = hmac.new(secret.encode(), f"{told}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={told},v1={digest}"


class Sender:
    """Calls webhooks over a network that says itself where it may go.

    seconds: limit on one call, from the look-up of the name to the answer's head. tls: whom to trust, as in HttpClient.
    """

    def __init__(self, network: GuardedNetwork, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        self._network = network
        self._seconds = seconds
        self._web = HttpClient(network, seconds, seconds, tls)
        self._testing: set[str] = set()

    async def check(self, url: str) -> None:
        """See that a URL leads where webhooks may lie. Raises WebhookRefused."""
        try:
            place = parse(url)
            await self._network.check(place.host, place.port, self._seconds)
        except ImportRefused as error:
            raise WebhookRefused(error.detail) from error

    async def send(self, url: str, secret: str, payload: WebhookPayload, moment: datetime) -> Outcome:
        """Call once. The answer's status counts; its body is not read, a redirect not followed."""
        body = payload.body()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Webdetector-Event", payload.event),
            ("Webdetector-Delivery", payload.id),
            ("Webdetector-Signature", signature(secret, moment, body)),
        ]
        with anyio.move_on_after(self._seconds):
            try:
                return await self._post(parse(url), headers, body)
            except (ImportRefused, ImportFailed) as error:
                return Outcome(None, error.detail)
        return Outcome(None, f"no answer within {self._seconds:g} s (WEBHOOK_TIMEOUT_SECONDS)")

    @contextmanager
    def testing(self, user: str) -> Iterator[None]:
        """One test of a user at a time, so that nobody has a host asked very often. Raises WebhookBusy."""
        if user in self._testing:
            raise WebhookBusy("a test of yours is still running: wait for its answer")
        self._testing.add(user)
        try:
            yield
        finally:
            self._testing.discard(user)

    async def _post(self, place: ParsedUrl, headers: list[tuple[str, str]], body: bytes) -> Outcome:
        async with self._web.ask("POST", place, headers, body) as answer:
            status = int(answer.status)
        if status in _GOOD:
            return Outcome(status, None)
        more = ": redirects are not followed" if status in _REDIRECTS else ""
        return Outcome(status, f"the address answered {status_text(status)}{more}")
