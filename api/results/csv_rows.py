"""Tables as CSV (RFC 4180)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

# Spreadsheets take a cell that begins with one of these for a formula, which may run programs or send data.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ROWS = 1000


def csv_rows(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Rows of texts and numbers as the pieces of a file."""
    left = iter(rows)
    while some := list(islice(left, _ROWS)):
        yield "".join(f"{','.join(map(_cell, row))}\r\n" for row in some).encode()


def _cell(value: object) -> str:
    return quoted(inert(value)) if isinstance(value, str) else str(value)


def inert(text: str) -> str:
    """A text that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def quoted(text: str) -> str:
    """A field of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text
