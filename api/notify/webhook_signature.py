"""Secrets and signatures of webhooks, in the format of Standard Webhooks 1.0."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """A new signing secret for one webhook: a prefix that makes a leaked one recognisable, and the key in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def signature_headers(secret: str, message_id: str, moment: datetime, body: bytes) -> list[tuple[str, str]]:
    """The headers that identify and sign a call: HMAC-SHA256 over id, time and body.

    message_id: the same at every attempt. moment: of this attempt; sent in whole seconds since 1970.
    """
    timestamp = str(int(moment.timestamp()))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, b".".join([message_id.encode(), timestamp.encode(), body]), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return [("Webhook-Id", message_id), ("Webhook-Timestamp", timestamp), ("Webhook-Signature", signature)]
