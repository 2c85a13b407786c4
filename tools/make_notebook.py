"""Makes docs/python.ipynb from docs/python.md: the same texts and code, with what the code printed.

Needs a running service, as the page says: WEB_DETECTOR_URL, _USER, _PASSWORD. `python -m tools.make_notebook`
"""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
_CODE = re.compile(r"```python\n(.*?)```\n?", re.DOTALL)


def parts(text: str) -> Iterator[tuple[str, str]]:
    """A page as (kind, content): kind is "markdown" or "code"."""
    for number, part in enumerate(_CODE.split(text)):
        if part.strip():
            yield ("code" if number % 2 else "markdown"), part.strip("\n")


def notebook(text: str, run: bool = True) -> dict[str, Any]:
    """A page as a notebook. run: run the code, and keep what it prints."""
    known: dict[str, Any] = {}
    cells: list[dict[str, Any]] = []
    for number, (kind, content) in enumerate(parts(text)):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": _lines(content)}
        if kind == "code":
            printed = _printed(content, known) if run else ""
            output = {"name": "stdout", "output_type": "stream", "text": _lines(printed)}
            cell |= {"execution_count": None, "outputs": [output] if printed else []}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _printed(code: str, known: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, known)  # noqa: S102  (our own page)
    return printed.getvalue()


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    made = notebook((DOCS / "python.md").read_text())
    (DOCS / "python.ipynb").write_text(json.dumps(made, indent=1) + "\n")
