"""The options of the workers by their settings."""

from dataclasses import replace

import pytest

from contracts.settings.table import Settings
from processor.worker import options

SETTINGS = Settings(processor_concurrency=2, log_level="warning")


@pytest.mark.parametrize(("most", "expected"), [(0, None), (1, None), (2, None), (3, (3, 2))])
def test_processor_autoscales_only_above_its_concurrency(most: int, expected: tuple[int, int] | None) -> None:
    found = options(replace(SETTINGS, processor_autoscale=most))
    assert (found["autoscale"], found["concurrency"], found["loglevel"]) == (expected, 2, "warning")
