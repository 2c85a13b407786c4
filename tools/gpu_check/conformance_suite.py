"""The conformance suite of engines, for benches that tools.gpu_check.conformance gives it."""

from tests.support.engine_conformance import EngineConformance


class TestEngines(EngineConformance):
    """On one device."""
