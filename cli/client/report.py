"""Console output of `detect` and `eval`: progress bars on a terminal, plain lines elsewhere, and a summary table."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

_LINE_SECONDS = 2.0
_UNBOUNDED = 100_000  # characters


class Bar(Protocol):
    """A progress display."""

    def show(self, done: int, total: int | None, note: str = "") -> None:
        """Show done of total; total is None while it is unknown."""


class Report:
    """Writes to a console, with animated progress bars on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(escape(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(f"[yellow]warning:[/yellow] {escape(text)}", soft_wrap=True)

    @contextmanager
    def sending(self, name: str) -> Iterator[Bar]:
        """Upload progress in bytes."""
        with self._bar(f"uploading {name}", [DownloadColumn(), TransferSpeedColumn()], "bytes") as bar:
            yield bar

    @contextmanager
    def detecting(self) -> Iterator[Bar]:
        """Job progress in frames."""
        columns: list[ProgressColumn] = [MofNCompleteColumn(), TextColumn("{task.fields[note]}")]
        with self._bar("detecting", columns, "frames") as bar:
            yield bar

    @contextmanager
    def evaluating(self) -> Iterator[Bar]:
        """Evaluation progress in images."""
        with self._bar("evaluating", [MofNCompleteColumn()], "images") as bar:
            yield bar

    @contextmanager
    def _bar(self, title: str, columns: list[ProgressColumn], unit: str) -> Iterator[Bar]:
        if not self.console.is_terminal:
            yield _Lines(self, title, unit)
            return
        head = [TextColumn("{task.description}"), BarColumn()]
        with Progress(*head, *columns, TimeRemainingColumn(), console=self.console) as progress:
            yield _Animated(progress, escape(title))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], nothing: str) -> None:
        """Print rows of texts, or `nothing` where there are none. Columns without a text are left out; a head with a
        colon in front is that of numbers. Where the table is wider than the terminal, and in a pipe, each row is one
        plain line, so that its ids can be copied and searched."""
        found = list(rows)
        if not found:
            self.say(nothing)
            return
        shown = Table()
        kept = [place for place in range(len(heads)) if any(row[place] for row in found)]
        for place in kept:
            right = heads[place].startswith(":")
            shown.add_column(heads[place].removeprefix(":"), justify="right" if right else "left", no_wrap=True)
        for row in found:
            shown.add_row(*(escape(row[place]) for place in kept))
        if not self.console.is_terminal or self._width(shown) > self.console.width:
            shown.box, shown.pad_edge, shown.header_style = None, False, ""
            shown.width = self._width(shown)
        self.console.print(shown, crop=False)

    def _width(self, table: Table) -> int:
        """The characters of a table's longest line."""
        return self.console.measure(table, options=self.console.options.update(max_width=_UNBOUNDED)).maximum

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Print the summary of a finished job."""
        frames, seconds = summary["frames"], summary["seconds"]
        rate = f", {frames / seconds:.1f} frames/s" if seconds else ""
        inferred = summary.get("frames_inferred")  # services and jobs of before do not say it
        known = inferred is not None and inferred < frames
        filled = f", detected in {percent(inferred / frames)} of them, the rest filled in" if known else ""
        self.say(f"\n{frames} frames in {seconds:.1f} s{rate}{filled}")
        if (cpu := summary.get("detector_cpu_seconds")) is not None:
            self.say(f"CPU time of the detectors: {cpu:.1f} s")
        labels = summary["labels"]
        if not labels:
            self.say("no objects were found")
            return
        table = Table()
        table.add_column("label")
        for head in ("detections", "frames", "max per frame", "at"):
            table.add_column(head, justify="right")
        for label, numbers in sorted(labels.items(), key=lambda item: (-item[1]["detections"], item[0])):
            most, at = str(numbers["max_in_frame"]), f"{numbers['max_at_ms'] / 1000:.2f} s"
            table.add_row(escape(label), str(numbers["detections"]), str(numbers["frames"]), most, at)
        self.console.print(table)
        self.say("top labels: " + ", ".join(summary["top_labels"][:3]))


def percent(part: float) -> str:
    """A part of 1 in two digits: "12 %", "3.2 %"."""
    return f"{100 * part:.{0 if part >= 0.0995 else 1}f} %"


class _Animated:
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None, note="")

    def show(self, done: int, total: int | None, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)


class _Lines:
    """Prints a line at intervals, and one at the end."""

    def __init__(self, report: Report, title: str, unit: str) -> None:
        self._report = report
        self._title = title
        self._unit = unit
        self._next = 0.0
        self._ended = False

    def show(self, done: int, total: int | None, note: str = "") -> None:
        now = time.monotonic()
        ended = total is not None and done >= total
        if self._ended or (now < self._next and not ended):
            return
        self._next, self._ended = now + _LINE_SECONDS, ended
        of = f" of {total}" if total is not None else ""
        tail = f", {note}" if note else ""
        self._report.say(f"{self._title}: {done}{of} {self._unit}{tail}")
