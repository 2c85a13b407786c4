"""Dashboards as pictures of what a Prometheus has, without Grafana."""
