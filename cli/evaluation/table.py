"""Result tables of `eval`."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from cli.client.report import Report
from cli.evaluation.ap import Figures, OfCategory
from cli.evaluation.tracking_scores import Scores

_SHOWN = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR100")
# With more than twice as many categories, show only the best and the worst.
_ENDS = 8


def show(report: Report, figures: Figures) -> None:
    """Print the metrics in percent: overall, then by category."""
    overall = Table()
    for name in _SHOWN:
        overall.add_column(name.replace("_", " "), justify="right")
    overall.add_row(*(percent(figures.overall[name]) for name in _SHOWN))
    report.console.print(overall)
    ranked = sorted(figures.categories, key=lambda item: (-1 if item.ap is None else item.ap, item.name), reverse=True)
    table = Table()
    table.add_column("category")
    for head in ("objects", "AP", "AP50"):
        table.add_column(head, justify="right")
    for item in _ends(ranked):
        if item is None:
            table.add_row("...", "", "", "")
        else:
            table.add_row(escape(item.name), str(item.objects), percent(item.ap), percent(item.ap50))
    report.console.print(table)


def show_tracks(report: Report, scores: Scores) -> None:
    """Print how well tracks fit, in percent."""
    table = Table()
    for name in ("HOTA", "DetA", "AssA", "IDF1"):
        table.add_column(name, justify="right")
    table.add_row(*map(percent, (scores.hota, scores.deta, scores.assa, scores.idf1)))
    report.console.print(table)


def percent(value: float | None) -> str:
    """Format a value from 0 to 1 in percent."""
    return "-" if value is None else f"{100 * value:.1f}"


def _ends(ranked: Sequence[OfCategory]) -> list[OfCategory | None]:
    """All, or the best and the worst with None between."""
    if len(ranked) <= 2 * _ENDS:
        return list(ranked)
    return [*ranked[:_ENDS], None, *ranked[-_ENDS:]]
