"""Writes all dashboards into deploy/monitoring/grafana/dashboards."""

from pathlib import Path

from tools.dashboards.grafana import text_of
from tools.dashboards.panel import Dashboard
from tools.dashboards.servers import SERVERS
from tools.dashboards.service import JOBS, OVERVIEW, STORAGE
from tools.dashboards.workers import DETECTORS, LIVE

FOLDER = Path(__file__).parents[2] / "deploy/monitoring/grafana/dashboards"
DASHBOARDS: tuple[Dashboard, ...] = (OVERVIEW, JOBS, DETECTORS, LIVE, STORAGE, SERVERS)


def files() -> dict[str, str]:
    """The content of each file by its name."""
    return {f"{dashboard.name}.json": text_of(dashboard) for dashboard in DASHBOARDS}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text)
