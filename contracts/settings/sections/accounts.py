"""Tokens, registration, failed logins, and the audit log."""

from dataclasses import dataclass
from typing import Annotated, Literal

from contracts.settings.fields import SIGNING_KEY_LENGTH, meta


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    jwt_secret_key: Annotated[
        str,
        meta(
            "Key that signs the tokens, at least 32 characters. Embedded mode: generated once and kept in DATA_DIR.",
            ("api",),
            required=True,
            secret=True,
            least_length=SIGNING_KEY_LENGTH,
        ),
    ] = ""
    access_token_minutes: Annotated[int, meta("Lifetime of an access token, in minutes.", ("api",), ge=1)] = 60
    refresh_token_days: Annotated[int, meta("Lifetime of a refresh token, in days.", ("api",), ge=1)] = 30
    registration: Annotated[
        Literal["open", "closed"],
        meta(
            "Whether users may register themselves; closed: the operator adds them with `web-detector users`.", ("api",)
        ),
    ] = "open"
    password_min_length: Annotated[int, meta("Minimum length of new passwords.", ("api",), ge=8, le=64)] = 12
    login_failures_per_name: Annotated[
        int,
        meta("Maximum failed logins per user name and minute; 0 means unlimited.", ("api",), ge=0, le=1_000_000),
    ] = 10
    login_failures_per_address: Annotated[
        int,
        meta(
            "Maximum failed logins per client address (IPv6: per /64 network) and minute; 0 means unlimited.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    registrations_per_address: Annotated[
        int,
        meta(
            "Maximum registrations per client address (IPv6: per /64 network) and minute; 0 means unlimited.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    audit_days: Annotated[
        int, meta("Days to keep the audit log; 0 means forever.", ("processor",), ge=0, le=36_500)
    ] = 365
