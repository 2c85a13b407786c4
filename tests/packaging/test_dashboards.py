"""Grafana's dashboards of deploy/monitoring: made from their tables, and such as Grafana and Prometheus can read.

That their panels show something: tests/service/streams/test_monitoring.py.
"""

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.metrics.table import BY_NAME
from tests.packaging.test_alerts import metric_of
from tests.support.deployments.service import ROOT
from tests.support.scraping import tool
from tools.dashboards.__main__ import DASHBOARDS, FOLDER, files

GRAFANA = ROOT / "deploy/monitoring/grafana"
PICTURES = ROOT / "docs/images/dashboards"
MADE: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
PANELS = [(name, panel) for name, made in MADE.items() for panel in made["panels"] if panel["type"] != "row"]
# Grafana's ids of units: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
UNITS = {"short", "bytes", "Bps", "s", "percentunit", "cps", "ops", "reqps"}


def test_the_files_are_what_the_tables_make() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == files()


def test_every_expression_parses(tmp_path: Path) -> None:
    expressions = {
        target["expr"].replace("$__rate_interval", "5m") for _, panel in PANELS for target in panel["targets"]
    }
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(sorted(expressions))]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([tool("promtool"), "check", "rules", path], capture_output=True, text=True, check=False)
    assert f"SUCCESS: {len(rules)} rules found" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", MADE)
def test_a_dashboard_has_a_lasting_uid_and_one_data_source_that_is_chosen(name: str) -> None:
    made = MADE[name]
    assert made["uid"] == f"web-detector-{name}"
    [variable] = made["templating"]["list"]
    assert (variable["type"], variable["name"], variable["query"]) == ("datasource", "datasource", "prometheus")
    assert {source["uid"] for source in _found(made, "datasource")} == {"${datasource}"}
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in made["panels"]]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", MADE)
def test_panels_do_not_lie_over_one_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in MADE[name]["panels"]:
        place = panel["gridPos"]
        assert 0 < place["w"] <= 24 - place["x"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells
        taken |= cells
    heights = sorted({y for _, y in taken})
    assert all(after - before == 1 for before, after in pairwise(heights))


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}-{panel['title']}" for name, panel in PANELS])
def test_a_panel_says_what_it_answers_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    assert panel["description"].rstrip(".").count("?") >= 1
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    letters = [target["refId"] for target in panel["targets"]]
    assert letters
    assert len(set(letters)) == len(letters)
    for target in panel["targets"]:
        grouped = {label.strip() for one in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in one.split(",")}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= grouped, "a label that is not there"


def test_every_metric_of_ours_is_shown_somewhere() -> None:
    """One that nobody looks at is not worth its series."""
    text = " ".join(target["expr"] for _, panel in PANELS for target in panel["targets"])
    assert {metric_of(name) for name in re.findall(r"web_detector_\w+", text)} == set(BY_NAME)


def test_grafana_finds_the_dashboards_and_prometheus() -> None:
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/web-detector.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    prometheus = yaml.safe_load((ROOT / "deploy/monitoring/prometheus.yaml").read_text())
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_the_tables_are_all_written() -> None:
    assert sorted(MADE) == sorted(dashboard.name for dashboard in DASHBOARDS)


def test_the_pictures_in_the_docs_show_the_panels_as_they_are_and_are_small() -> None:
    """make dashboard-pictures draws them anew."""
    page = (ROOT / "docs/operate/monitoring.md").read_text()
    shown = re.findall(r'"\.\./images/dashboards/dashboard-(\w+)\.svg"', page)
    assert sorted(f"dashboard-{name}.svg" for name in shown) == sorted(path.name for path in PICTURES.iterdir())
    assert set(shown) == set(MADE) - {"servers"}, "those of exporters need hosts"
    titles = {name: re.findall(r'class="panel \w+" aria-label="([^"]*)"', _picture(name)) for name in shown}
    assert titles == {
        dashboard.name: [panel.title for panel in dashboard.panels]
        for dashboard in DASHBOARDS
        if dashboard.name in shown
    }
    assert max(len(_picture(name)) for name in shown) <= 80_000


def _picture(name: str) -> str:
    return (PICTURES / f"dashboard-{name}.svg").read_text()


def _found(value: Any, key: str) -> list[Any]:
    """All values of a key, at any depth."""
    if isinstance(value, list):
        return [found for item in value for found in _found(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value[key]] if isinstance(value.get(key), dict) else []
    return own + [found for item in value.values() for found in _found(item, key)]
