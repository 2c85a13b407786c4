"""What the Celery application makes of the addresses that it is given."""

import ssl

import pytest
from celery import Celery

from contracts.settings.table import Settings
from contracts.workers.celery_app import create_celery


def application(broker: str, store: str = "redis://there:6379/0") -> Celery:
    return create_celery(Settings(broker_url=broker, result_store_url=store))


@pytest.mark.parametrize(
    ("query", "verification"),
    [("", ssl.CERT_REQUIRED), ("?ssl_cert_reqs=none", ssl.CERT_NONE)],
)
def test_rediss_certificate_is_verified_by_default(query: str, verification: ssl.VerifyMode) -> None:
    app = application(f"rediss://:p@there:6379/1{query}", f"rediss://:p@there:6379/0{query}")
    assert app.backend.connparams["ssl_cert_reqs"] == verification
    assert app.connection_for_read().ssl["ssl_cert_reqs"] == verification


def test_amqps_certificate_must_match_the_host() -> None:
    connection = application("amqps://u:p@there:5671//").connection_for_read()
    assert connection.ssl == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "there"}
    assert connection.port == 5671


@pytest.mark.parametrize("broker", ["amqp://u:p@there:5672//", "redis://there:6379/1"])
def test_urls_without_tls_stay_unchanged(broker: str) -> None:
    app = application(broker)
    assert not app.connection_for_read().ssl
    assert "ssl_cert_reqs" not in app.backend.connparams


def test_control_queue_is_not_exclusive_so_that_workers_can_reconnect() -> None:
    """Shown with a link that is cut by tests/distributed/test_other_host.py."""
    assert application("amqp://u:p@there:5672//").control.mailbox.queue_exclusive is False
