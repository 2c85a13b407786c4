"""Which chunks of a job are sent together, as runs (see contracts.wire.runs). Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection


class Runs:
    """The runs of a job's chunks; most consist of one chunk."""

    def __init__(self, total: int, continues: Collection[int] = ()) -> None:
        """total: number of chunks. continues: those that belong to the same run as the one before."""
        later = frozenset(continues)
        self._starts = [*(index for index in range(total) if index not in later), total]

    def __len__(self) -> int:
        return len(self._starts) - 1

    def before(self, chunk: int) -> int:
        """How many runs begin before a chunk."""
        return min(bisect_left(self._starts, chunk), len(self))

    def of(self, chunk: int) -> int:
        """The run of a chunk."""
        return bisect_right(self._starts, chunk) - 1

    def first(self, run: int) -> int:
        """The first chunk of a run; the number of chunks for the number of runs."""
        return self._starts[run]

    def chunks(self, run: int) -> range:
        """The chunks of a run."""
        return range(self._starts[run], self._starts[run + 1])

    def done(self, stored: Collection[int]) -> frozenset[int]:
        """The runs whose chunks are all among the stored ones."""
        left = {self.of(chunk) for chunk in range(self._starts[-1]) if chunk not in stored}
        return frozenset(range(len(self))) - left
