"""Ports for metrics in embedded mode."""

import pytest

from cli.embedded.metrics_ports import ports, with_port
from cli.embedded.process import Process
from cli.embedded.supervisor import Failed

NAMES = ("detector-1", "detector-2", "detector-10", "processor", "renderer", "live", "ingest", "api")


def process(name: str) -> Process:
    return Process(name=name, command=[], env={"METRICS_PORT": "9000", "X": "1"})


def test_each_process_has_a_port_in_the_order_of_the_page() -> None:
    order = ("api", "processor", "renderer", "ingest", "live", "detector-1", "detector-2", "detector-10")
    found = ports(9000, [process(name) for name in NAMES])
    assert found == {name: 9000 + place for place, name in enumerate(order)}
    assert with_port(process("live"), found).env == {"METRICS_PORT": "9004", "X": "1"}


def test_without_a_port_there_is_none() -> None:
    assert ports(0, [process("api")]) == {}
    assert with_port(process("api"), {}).env["X"] == "1"


def test_too_large_a_port_is_an_error() -> None:
    with pytest.raises(Failed, match="METRICS_PORT=65530 leaves no ports for 8 processes"):
        ports(65_530, [process(name) for name in NAMES])
