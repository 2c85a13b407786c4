"""Basic and digest authentication (RFC 7617, RFC 7616), which HTTP and RTSP share."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

_FIELD = re.compile(r'([a-zA-Z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_SCHEME = re.compile(r"(?:^|,)\s*(basic|digest)(?=\s|$)", re.IGNORECASE)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The stronger first.
_HASHES: dict[str, Callable[[str], str]] = {"SHA-256": _sha256, "MD5": _md5}


class Login:
    """The user name and password of one connection, and what the server asked for."""

    def __init__(self, user: str | None, password: str | None) -> None:
        self._user, self._password = user, password or ""
        self._digest: dict[str, str] | None = None
        self._basic = False
        self._count = 0
        self._is_tried = False  # what was learned last has not been accepted yet

    def learn(self, challenges: Sequence[str]) -> bool:
        """Take the values of WWW-Authenticate of an answer 401; whether asking again may help."""
        if self._user is None:
            return False
        digests, basic = _read(challenges)
        known = [one for name in _HASHES for one in digests if one.get("algorithm", "MD5").upper() == name]
        if self._is_tried and not any(one.get("stale", "").lower() == "true" for one in known):
            return False
        self._digest, self._basic, self._count = (known[0] if known else None), basic and not known, 0
        self._is_tried = self._digest is not None or self._basic
        return self._is_tried

    def accepted(self) -> None:
        """The server answered a request: what it refuses later is its nonce, which has a time."""
        self._is_tried = False

    def header(self, method: str, uri: str) -> str | None:
        """The value of Authorization for a request; None as long as the server has not asked."""
        if self._digest is not None:
            return self._digest_header(self._digest, method, uri)
        if self._basic:
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return None

    def _digest_header(self, asked: dict[str, str], method: str, uri: str) -> str:
        name = asked.get("algorithm", "MD5")
        digest = _HASHES[name.upper()]
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        secret, request = digest(f"{self._user}:{realm}:{self._password}"), digest(f"{method}:{uri}")
        fields = {"username": self._user or "", "realm": realm, "nonce": nonce, "uri": uri}
        plain = {}
        if "auth" in [one.strip() for one in asked.get("qop", "").split(",")]:
            self._count += 1
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            fields["response"] = digest(f"{secret}:{nonce}:{count}:{own}:auth:{request}")
            fields["cnonce"] = own
            plain = {"qop": "auth", "nc": count}
        else:
            fields["response"] = digest(f"{secret}:{nonce}:{request}")
        if "opaque" in asked:
            fields["opaque"] = asked["opaque"]
        if "algorithm" in asked:
            plain["algorithm"] = name
        quoted = [f'{key}="{_escaped(value)}"' for key, value in fields.items()]
        return "Digest " + ", ".join(quoted + [f"{key}={value}" for key, value in plain.items()])


def _read(challenges: Sequence[str]) -> tuple[list[dict[str, str]], bool]:
    """The fields of each digest, and whether basic is offered. A header may hold several challenges."""
    digests, basic = [], False
    for text in challenges:
        starts = list(_SCHEME.finditer(text))
        for number, start in enumerate(starts):
            end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
            if start[1].lower() == "basic":
                basic = True
                continue
            found = _FIELD.findall(text[start.end() : end])
            digests.append({key.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for key, quoted, plain in found})
    return digests, basic


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
