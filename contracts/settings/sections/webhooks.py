"""Delivery of webhooks."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from contracts.settings.fields import meta, networks


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    webhook_concurrency: Annotated[
        int,
        meta(
            "Maximum concurrent webhook calls per API process; 0 disables webhooks.",
            ("api",),
            ge=0,
            le=100,
        ),
    ] = 8
    webhook_timeout_seconds: Annotated[
        int, meta("Timeout of one webhook call, including its answer.", ("api",), ge=1, le=60)
    ] = 10
    webhook_tries: Annotated[int, meta("Attempts before a webhook delivery has failed.", ("api",), ge=1, le=20)] = 8
    webhook_allow_networks: Annotated[
        str,
        meta(
            "Private networks that webhooks may reach, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks in WEBHOOK_ALLOW_NETWORKS."""
        return networks(self.webhook_allow_networks)
