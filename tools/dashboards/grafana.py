"""A dashboard as Grafana's JSON. Pure: the same table gives the same text."""

import json
from typing import Any

from tools.dashboards.layout import layout
from tools.dashboards.panel import Dashboard, Panel, Query

_TAG = "web-detector"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Of the schema that Grafana 11 to 13 read.
_SCHEMA = 39


def text_of(dashboard: Dashboard) -> str:
    """The content of its file."""
    return json.dumps(_dashboard(dashboard), indent=1) + "\n"


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"{_TAG}-{dashboard.name}",
        "title": f"Web-Detector: {dashboard.title}",
        "description": dashboard.asks,
        "tags": [_TAG],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [_LINK],
        "templating": {"list": [_DATASOURCE]},
        "panels": _panels(dashboard),
    }


# To the other dashboards, with the same time and data source.
_LINK = {
    "type": "dashboards",
    "title": "Web-Detector",
    "tags": [_TAG],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "icon": "external link",
    "tooltip": "",
    "url": "",
    "targetBlank": False,
}
_DATASOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "refresh": 1,
    "regex": "",
    "hide": 0,
    "multi": False,
    "includeAll": False,
    "options": [],
    "current": {},
    "skipUrlSync": False,
}


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Rows and panels, numbered in their order."""
    made = []
    for number, (shown, place) in enumerate(layout(dashboard), 1):
        grid = {"x": place.left, "y": place.top, "w": place.width, "h": place.height}
        made.append(_row(shown, number, grid) if isinstance(shown, str) else _panel(shown, number, grid))
    return made


def _row(title: str, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.asks,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [_target(panel, query, chr(ord("A") + place)) for place, query in enumerate(panel.queries)],
    }


def _target(panel: Panel, query: Query, letter: str) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or panel.title,
        "format": "heatmap" if panel.kind == "heatmap" else "time_series",
        "instant": panel.kind == "stat",
        "range": panel.kind != "stat",
    }


def _field(panel: Panel) -> dict[str, Any]:
    """Unit and colours."""
    field: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": _thresholds(panel)}
    if panel.kind == "timeseries":
        field["color"] = {"mode": "palette-classic"}
        field["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.warn is None else "dashed"},
        }
    elif panel.kind == "stat":
        field["color"] = {"mode": "thresholds"}
    if panel.names:
        shown = {str(value): {"text": text, "index": place} for place, (value, text) in enumerate(panel.names)}
        field["mappings"] = [{"type": "value", "options": shown}]
    return field


def _thresholds(panel: Panel) -> dict[str, Any]:
    below, above = ("red", "green") if panel.falling else ("green", "red")
    steps: list[dict[str, Any]] = [{"color": "green" if panel.warn is None else below, "value": None}]
    if panel.warn is not None:
        steps.append({"color": above, "value": panel.warn})
    return {"mode": "absolute", "steps": steps}


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "heatmap": {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64, "reverse": False, "fill": "dark-orange"},
        "cellGap": 1,
        "yAxis": {"axisPlacement": "left", "unit": "s"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "legend": {"show": True},
    },
}
