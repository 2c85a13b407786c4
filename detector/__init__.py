"""Decodes and infers."""

from contracts.runtime import telemetry

telemetry.turn_off()  # before any inference library is imported
