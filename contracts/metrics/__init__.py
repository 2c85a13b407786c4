"""Metrics of all roles: the table, what is counted, and the port at which Prometheus reads it.

A process that computes only counts (`totals`); where it is the child of a worker's main process, what it counted goes
there (`line`), and the main process answers scrapes (`exporter`, the only file that imports prometheus_client).
"""
