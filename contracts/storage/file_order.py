"""The files below a folder in a definite order, however many there are, so that who goes through them can stop and go
on later."""

import heapq
import os
from collections.abc import Iterator, Sequence

# Names of a folder that are held at once: of a larger one, some are read, and then the folder again for the next ones.
NAMES = 50_000


def files_in_order(folder: str, after: Sequence[str] = ()) -> Iterator[str]:
    """Paths of the files below a folder, seen from it, in the order of the names on the way to each. A folder that
    cannot be read has none; links to folders are not followed. after: the names on the way to a file, which may be
    gone: only those after it."""
    first, *rest = after or [""]
    for name, is_folder in _entries(folder, first):
        if is_folder:
            within = files_in_order(f"{folder}/{name}", rest if name == first else ())
            yield from (f"{name}/{path}" for path in within)
        elif name != first or rest:
            yield name


def _entries(folder: str, start: str) -> Iterator[tuple[str, bool]]:
    """The entries of a folder by name, from one on: each name, and whether it is a folder."""
    while True:
        try:
            with os.scandir(folder) as entries:
                found = ((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name >= start)
                some = heapq.nsmallest(NAMES, found)
        except OSError:
            return
        yield from some
        if len(some) < NAMES:
            return
        start = some[-1][0] + "\0"
