"""The dashboard and the alerts of hosts and servers, asked of a real Prometheus with Debian's exporters. Those of
containers need an engine, which is not here."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from kombu import Connection

from tests.packaging.test_alerts import GROUPS
from tests.support.deployments.service import free_port
from tests.support.servers import prometheus
from tests.support.servers.debian import PASSWORD, USER, Postgres, Redis, require
from tests.support.servers.exporters import Exporter
from tests.support.servers.rabbitmq import RabbitMq
from tests.support.waiting import until
from tools.dashboards.panel import Panel
from tools.dashboards.servers import SERVERS

pytestmark = pytest.mark.long

PANELS = [panel for panel in SERVERS.panels if panel.exporter != "containers"]


@pytest.fixture(scope="module")
def scraper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[prometheus.Prometheus]:
    """A Prometheus with the jobs of deploy/monitoring, of this host and of servers that hold a little."""
    exporters = ("prometheus-node-exporter", "prometheus-redis-exporter", "prometheus-postgres-exporter")
    require("prometheus", "rabbitmq-server", "redis-server", "initdb", *exporters)
    with ExitStack() as started:
        rabbitmq_port = free_port()
        rabbitmq = started.enter_context(RabbitMq(metrics_port=rabbitmq_port))
        redis = started.enter_context(Redis(["--requirepass", PASSWORD, "--maxmemory", "64mb"]))
        postgres = started.enter_context(Postgres())
        for server in (rabbitmq, redis, postgres):
            server.wait()
        postgres.create("web-detector")
        host = started.enter_context(Exporter("prometheus-node-exporter"))
        of_redis = Exporter(
            "prometheus-redis-exporter", REDIS_ADDR=f"redis://127.0.0.1:{redis.port}", REDIS_PASSWORD=PASSWORD
        )
        of_postgres = Exporter(
            "prometheus-postgres-exporter",
            DATA_SOURCE_URI=f"127.0.0.1:{postgres.port}/web-detector?sslmode=disable",
            DATA_SOURCE_USER=USER,
            DATA_SOURCE_PASS=PASSWORD,
        )
        connection = started.enter_context(Connection(rabbitmq.url()))
        connection.SimpleQueue("waiting").put("a message")
        ports = {
            "host": host.wait().port,
            "redis": started.enter_context(of_redis).wait().port,
            "postgres": started.enter_context(of_postgres).wait().port,
            "rabbitmq": rabbitmq_port,
        }
        folder = tmp_path_factory.mktemp("prometheus")
        yield started.enter_context(prometheus.Prometheus(folder, {job: [port] for job, port in ports.items()}))


@pytest.mark.parametrize("panel", PANELS, ids=[panel.title for panel in PANELS])
def test_a_panel_of_an_exporter_shows_something(scraper: prometheus.Prometheus, panel: Panel) -> None:
    until(lambda: not [query for query in panel.queries if not scraper.series(query.within("5m"))])


@pytest.mark.parametrize("rule", GROUPS["servers"], ids=[rule["alert"] for rule in GROUPS["servers"]])
def test_what_an_alert_reads_of_an_exporter_is_there(scraper: prometheus.Prometheus, rule: dict[str, Any]) -> None:
    read = re.findall(r"\b((?:node|pg|rabbitmq|redis)_\w+|up)\b(?:{[^}]*})?", rule["expr"])
    assert read
    for name in read:
        until(partial(scraper.series, name))
    # And with its labels, but for the threshold, there is something to compare with it.
    compared = re.fullmatch(r"(.*) (?:[<>]|==) [\d.]+", rule["expr"].strip(), re.S)
    assert compared
    until(partial(scraper.series, compared[1]))


def test_what_they_show_is_true(scraper: prometheus.Prometheus) -> None:
    until(lambda: scraper.values("sum(rabbitmq_queue_messages_ready)") == [1])
    until(lambda: scraper.values("max(redis_memory_max_bytes > 0)") == [64 * 1024**2])
    until(lambda: scraper.values("max by (datname) (pg_database_size_bytes{datname='web-detector'}) > 1e6"))
    until(lambda: scraper.values("count(up == 1)") == [4])
