"""What Prometheus would read of a process."""

import random
import shutil
import socket
import subprocess
import urllib.request
from contextlib import ExitStack

from prometheus_client.parser import text_string_to_metric_families

from contracts.metrics.table import MetricRole
from tests.support.requirements import missing

# In the order of the ports of embedded mode with one detector.
METRICS_ROLES: tuple[MetricRole, ...] = ("api", "processor", "renderer", "ingest", "live_detector", "detector")
# Below the ports that systems give to whoever asks for any.
_PORTS = range(20_000, 30_000)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that are free."""
    while True:
        first = random.choice(_PORTS)
        try:
            with ExitStack() as opened:
                for port in range(first, first + count):
                    opened.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return first


def exposition(port: int) -> str:
    """What a port answers; empty while it does not listen."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def values(text: str) -> dict[str, float]:
    """Values by series, such as `name{label=value}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def families(text: str) -> set[str]:
    """The names of all metrics, as their HELP lines have them."""
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}


def tool(name: str) -> str:
    """Path of promtool, amtool or a server. Skips the test where it is not installed; in CI it fails."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed: tools/install-debian-packages")
    return found


def complaints(text: str) -> str:
    """What promtool has to say against it."""
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
