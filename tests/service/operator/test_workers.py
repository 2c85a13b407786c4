"""The command lines of the workers by their settings."""

from dataclasses import replace

import pytest

from contracts.settings.table import Settings
from processor.worker import arguments

SETTINGS = Settings(processor_concurrency=2, log_level="warning")


@pytest.mark.parametrize(("most", "expected"), [(0, []), (1, []), (2, []), (3, ["--autoscale=3,2"])])
def test_processor_autoscales_only_above_its_concurrency(most: int, expected: list[str]) -> None:
    words = arguments(replace(SETTINGS, processor_autoscale=most))
    assert [word for word in words if word.startswith("--autoscale")] == expected
    assert {"--concurrency=2", "--loglevel=warning"} <= set(words)
