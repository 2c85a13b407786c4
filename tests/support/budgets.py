"""What the tests may cost. Minutes are spent by everybody at every change, so a file that spends too many fails."""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

# Seconds of this process's own processor time for a file of tests/unit: unlike the clock, it is not the machine's.
UNIT_FILE_SECONDS = 5.0
# Minutes by the clock on two cores, for the eye: make test runs its parts side by side.
MINUTES = {"unit": 2, "adapters": 2, "media": 4, "packaging": 1, "service": 7, "page": 2, "end_to_end": 3,
           "distributed": 5}  # fmt: skip


class Budgets:
    """A pytest plugin: adds up what each tier and each unit file takes, prints it, and fails on the latter."""

    def __init__(self) -> None:
        self._tiers: dict[str, float] = defaultdict(float)
        self._units: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        clock, processor = time.monotonic(), time.process_time()
        try:
            return (yield)  # type: ignore[return-value]
        finally:
            parts = item.path.relative_to(Path(__file__).parents[1]).parts
            self._tiers[parts[0]] += time.monotonic() - clock
            if parts[0] == "unit":
                self._units["/".join(parts)] += time.process_time() - processor

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("minutes by tier (aim)")
        for tier, seconds in self._tiers.items():
            terminalreporter.write_line(f"{tier}: {seconds / 60:.1f} ({MINUTES.get(tier, '-')})")
        for line in self.over():
            terminalreporter.write_line(line, red=True)

    def over(self) -> list[str]:
        """Unit files that take too long."""
        return [
            f"tests/{name} takes {seconds:.1f} s of processor time; a unit file may take {UNIT_FILE_SECONDS}"
            for name, seconds in self._units.items()
            if seconds > UNIT_FILE_SECONDS
        ]
