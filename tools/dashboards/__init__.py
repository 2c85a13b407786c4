"""Grafana's dashboards in deploy/monitoring/grafana, made from tables: `python -m tools.dashboards`."""
