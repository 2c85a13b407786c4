"""What the Celery application makes of the addresses that it is given."""

import ssl

import pytest
from celery import Celery

from contracts.settings.table import Settings
from contracts.workers.celery_app import create_celery, run_worker


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


def test_a_worker_uses_the_broker_of_its_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery takes CELERY_BROKER_URL rather than that, and its command line sets it to BROKER_URL."""
    url = "rediss://:p@there:6379/1"
    monkeypatch.setenv("BROKER_URL", url)
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    app = application(url)
    used: list[object] = []

    class Worker:
        exitcode = 3

        def __init__(self, **options: object) -> None:
            used.append(options)

        def start(self) -> None:
            used.append(app.connection_for_read().ssl["ssl_cert_reqs"])

    app.Worker = Worker
    assert run_worker(app, {"concurrency": 1}) == 3
    assert used == [{"concurrency": 1}, ssl.CERT_REQUIRED]


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
