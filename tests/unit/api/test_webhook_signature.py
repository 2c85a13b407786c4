"""Calls of webhooks are signed in the format of Standard Webhooks, as its own library sees it."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from api.notify.webhook_signature import new_secret, signature_headers

BODY = b'{"event":"test"}'


def verified(secret: str, headers: dict[str, str], body: bytes = BODY) -> bool:
    try:
        return bool(Webhook(secret).verify(body, headers))
    except WebhookVerificationError:
        return False


def test_the_formats_library_accepts_a_call_and_no_changed_one() -> None:
    secret, now = new_secret(), datetime.now(UTC)
    headers = {name.lower(): value for name, value in signature_headers(secret, "delivery-1", now, BODY)}
    assert verified(secret, headers)
    assert not verified(secret, headers, BODY + b" ")
    assert not verified(new_secret(), headers)
    assert not verified(secret, headers | {"webhook-id": "delivery-2"})
    assert not verified(secret, headers | {"webhook-timestamp": str(int(now.timestamp()) + 1)})


def test_the_formats_library_refuses_an_old_call() -> None:
    secret, before = new_secret(), datetime.now(UTC) - timedelta(hours=1)
    headers = {name.lower(): value for name, value in signature_headers(secret, "delivery-1", before, BODY)}
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(BODY, headers)
