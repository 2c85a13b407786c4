"""Limits and timeouts of uploads and of imports by URL."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from contracts.settings.fields import meta, networks


@dataclass(frozen=True, kw_only=True)
class UploadSettings:
    upload_max_bytes: Annotated[int, meta("Maximum size of an upload, in bytes.", ("api",), ge=1)] = 20 * 1024**3
    upload_expire_hours: Annotated[
        int,
        meta(
            "Hours without progress after which an unfinished resumable upload is removed.",
            ("api",),
            ge=1,
            le=8760,
        ),
    ] = 24
    upload_unfinished_max: Annotated[
        int, meta("Maximum unfinished resumable uploads per user.", ("api",), ge=1, le=100_000)
    ] = 100
    probe_wait_seconds: Annotated[
        int,
        meta(
            "How long an upload request waits for the probe before it answers without metadata.", ("api",), ge=0, le=60
        ),
    ] = 10
    import_concurrency: Annotated[
        int,
        meta("Maximum concurrent imports by URL per API process; 0 disables imports.", ("api",), ge=0, le=100),
    ] = 4
    import_timeout_seconds: Annotated[int, meta("Timeout of one import by URL.", ("api",), ge=1, le=86_400)] = 3600
    import_allow_networks: Annotated[
        str,
        meta(
            "Private networks that imports by URL may reach, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""

    @property
    def import_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks in IMPORT_ALLOW_NETWORKS."""
        return networks(self.import_allow_networks)
