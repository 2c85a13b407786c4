"""The Celery application of all roles, with its configuration."""

import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from celery import Celery

from contracts.runtime import startup
from contracts.settings.table import Settings
from contracts.wire.tasks import (
    QUEUE_DETECTOR,
    QUEUE_PROBE,
    QUEUE_PROCESSOR,
    QUEUE_RECOVERY,
    QUEUE_RENDER,
    ROUTES,
)
from contracts.workers.queues import queue
from contracts.workers.task_watch import mark_messages

SOFT_LIMIT_SECONDS = 600
HARD_LIMIT_SECONDS = 660
_CHORD_EXPIRES_SECONDS = 7 * 86_400


def create_celery(
    settings: Settings, *, extra_queues: tuple[str, ...] = (), answer_seconds: float | None = None
) -> Celery:
    """A Celery application for a role; nothing connects before it is used. answer_seconds: how long a role that only
    sends waits for the broker, None for as long as it takes."""
    app = Celery(
        "web-detector", broker=_verified(settings.broker_url), backend=celery_backend_url(settings.coordination_url)
    )
    names = (QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY, QUEUE_RENDER, QUEUE_DETECTOR, *extra_queues)
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_routes=ROUTES,
        task_queues=[queue(name) for name in dict.fromkeys(names)],
        task_default_queue=QUEUE_PROCESSOR,
        task_create_missing_queues=False,
        # Tasks are acknowledged at their end, so that those of a killed worker return to the queue.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_consumer="contracts.workers.consuming:Consumer",
        task_soft_time_limit=SOFT_LIMIT_SECONDS,
        task_time_limit=HARD_LIMIT_SECONDS,
        worker_soft_shutdown_timeout=20,
        worker_enable_soft_shutdown_on_idle=True,
        worker_proc_alive_timeout=300,  # a child loads its model before it reports ready
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        # A disconnected worker reconnects before RabbitMQ notices the end of the old connection. An exclusive
        # queue would still be locked by that connection, and Celery would end the worker.
        control_queue_exclusive=False,
        control_queue_durable=True,
        result_expires=86_400,  # return values contain nothing that is not in the result store
        result_chord_expires=_CHORD_EXPIRES_SECONDS,  # type: ignore[call-arg,unused-ignore]
        result_backend_always_retry=True,
        redis_backend_health_check_interval=30,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker may be down for hours; by default a worker ends after 100 tries
        broker_transport_options=_transport_options(settings, answer_seconds),
        broker_use_ssl=_tls(settings.broker_url),
    )
    mark_messages()
    if answer_seconds is not None:
        app.conf.broker_connection_timeout = answer_seconds
    return app


def worker_options(name: str, queues: Iterable[str], settings: Settings, concurrency: int) -> dict[str, Any]:
    """The options of a Celery worker. name: unique on the host."""
    return {
        "hostname": f"{name}@{socket.gethostname()}",
        "queues": list(queues),
        "concurrency": concurrency,
        "loglevel": settings.log_level,
        "without_gossip": True,
        "without_mingle": True,
        "quiet": True,
    }


def run_worker(app: Celery, options: Mapping[str, Any]) -> int:
    """Run a Celery worker until it is stopped; its exit code.

    Celery's command line would import all its commands and their shell, and would put BROKER_URL of the environment in
    the place of the application's, which verifies certificates.
    """
    worker = app.Worker(**options)
    startup.done()
    worker.start()
    return int(worker.exitcode or 0)


def celery_backend_url(url: str) -> str:
    """A redis-py URL in the syntax of Celery and kombu, which use redis+socket for a unix socket."""
    scheme, separator, rest = url.partition("://")
    if scheme != "unix":
        return _verified(url)
    return "redis+socket" + separator + rest.replace("?db=", "?virtual_host=")


def _verified(url: str) -> str:
    """A rediss:// URL with certificate verification, which Celery's result backend requires to be explicit and kombu
    does not do by default."""
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def _tls(url: str) -> dict[str, Any] | None:
    """TLS options of amqps://: verify the host name too. By default py-amqp checks only the issuer."""
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return None
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}


def _transport_options(settings: Settings, answer_seconds: float | None) -> dict[str, Any]:
    """Where a connection breaks without a word, such as in a firewall, nothing but a timeout ends the wait."""
    if settings.broker_url.startswith("amqp"):
        waits = {"read_timeout": answer_seconds, "write_timeout": answer_seconds} if answer_seconds else {}
        return {"confirm_publish": True, **waits}
    waits = {"socket_timeout": answer_seconds, "socket_connect_timeout": answer_seconds} if answer_seconds else {}
    return {
        **waits,
        "visibility_timeout": settings.visibility_timeout_seconds,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
