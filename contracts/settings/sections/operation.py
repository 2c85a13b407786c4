"""How the service is watched: metrics, traces and logs."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Literal

from contracts.settings.fields import EVERY, collector, meta, share


@dataclass(frozen=True, kw_only=True)
class OperationSettings:
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], meta("Minimum level of logged messages.", EVERY)
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        meta("text: a line per message; json: a JSON object per message, with the ids that it is about.", EVERY),
    ] = "text"
    metrics_port: Annotated[
        int,
        meta(
            "Port at which Prometheus reads the metrics of a process; 0 means none. Embedded mode: of the api, the "
            "others have the ports after it.",
            EVERY,
            ge=0,
            le=65535,
        ),
    ] = 0
    metrics_host: Annotated[
        str,
        meta("Address that METRICS_PORT listens on; whoever reaches it reads the metrics.", EVERY, check=ip_address),
    ] = "127.0.0.1"
    metrics_streams: Annotated[
        int,
        meta(
            "Streams with series of their own per process and metric: those with the largest values, the others are "
            "summed.",
            ("detector", "ingest"),
            ge=0,
        ),
    ] = 100
    traces_url: Annotated[
        str,
        meta(
            "URL of a collector that takes traces by OTLP over HTTP, as in http://collector:4318; empty means none. "
            "Its user name and password, if any, stand before the host.",
            EVERY,
            check=collector,
        ),
    ] = ""
    traces_share: Annotated[
        float,
        meta(
            "Share of the traces that are begun here and exported, 0 to 1; where a client sends traceparent, its flag "
            "decides.",
            EVERY,
            check=share,
        ),
    ] = 1.0
    scale_target_seconds: Annotated[
        int,
        meta("Seconds in which the detectors shall do the frames that wait: see GET /admin/scale.", ("api",), ge=1),
    ] = 60
