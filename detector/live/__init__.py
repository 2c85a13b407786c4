"""Analyses streams: follows their packets, decodes, infers, and writes results."""
