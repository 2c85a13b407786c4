"""Sealing of camera addresses, which contain passwords: encrypted and authenticated with a key of STREAM_SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from contracts.errors import SealBroken


def seal(secret: str, stream_id: str, text: str) -> bytes:
    """Encrypt a text of one stream. secret: not empty."""
    return _cipher(secret, stream_id).encrypt(text.encode())


def unseal(secret: str, stream_id: str, sealed: bytes) -> str:
    """Decrypt it. Raises SealBroken for another secret, another stream, or changed bytes."""
    try:
        return _cipher(secret, stream_id).decrypt(sealed).decode()
    except (InvalidToken, ValueError) as error:
        raise SealBroken(
            "the address of this stream was sealed with another STREAM_SECRET_KEY: set that one, or enter the address "
            "again"
        ) from error


def _cipher(secret: str, stream_id: str) -> Fernet:
    # The secret is long and random (see its setting), so a plain hash derives the key; the stream's id binds it.
    key = hashlib.sha256(b"web-detector stream address\0" + stream_id.encode() + b"\0" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
