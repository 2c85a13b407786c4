"""The long form: `make fuzz SEED= MINUTES= CASES=`.

Ten thousand broken files, every good one cut at two hundred places, and what is made to do harm for half of the time,
then the api and the readers. What was accepted is decoded too. Ends with 1 when anything is found.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from tests.support.deployments.embedded import Embedded
from tests.support.hostile import guided
from tests.support.hostile.api import explore
from tests.support.hostile.asking import MEMORY_KIB, Verdict, ask, cause_of_death, largest_child_kib
from tests.support.hostile.crafted import CRAFTED
from tests.support.hostile.decoding import decoded
from tests.support.hostile.mutations import mutant, truncations

Case = tuple[str, Callable[[], bytes]]
_BATCH = 50


def files(seed: int, cases: int) -> Iterator[Case]:
    """All cases by turns, so that a short time has some of each."""
    yield from CRAFTED.items()
    cuts = iter(truncations(200))
    for number in range(cases):
        yield mutant(seed, number)[0], lambda number=number: mutant(seed, number)[1]  # type: ignore[misc]
        for name, content in islice(cuts, 1):
            yield name, lambda content=content: content  # type: ignore[misc]
    for name, content in cuts:
        yield name, lambda content=content: content  # type: ignore[misc]


def one(case: Case, folder: Path) -> tuple[Verdict, str, str]:
    """What became of it: the verdict, the decoding, and why the bounded process died if it did."""
    name, make = case
    with tempfile.TemporaryDirectory(dir=folder) as own:
        content = make()
        verdict = ask(name, content, Path(own))
        died = cause_of_death(content, Path(own)) if verdict.broke else ""
        came = decoded(content, verdict.planned, Path(own)) if verdict.planned else ""
    return verdict, came, died


def through_files(seed: int, cases: int, until: float) -> list[str]:
    """Ask for all files, or as many as there is time for; what is wrong."""
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    slowest = 0.0
    source = files(seed, cases)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        while time.monotonic() < until and (batch := list(islice(source, _BATCH))):
            for verdict, came, died in pool.map(lambda case: one(case, Path(folder)), batch):
                kind = "refused" if verdict.report.refused else "damaged" if _damaged(verdict) else "whole"
                counts[kind] += 1
                slowest = max(slowest, verdict.seconds)
                wrong += [f"{verdict.name}: {verdict.fault}"] if verdict.fault else []
                for what, text in (("reader", died), ("decoder", came if came.startswith("died") else "")):
                    if text:
                        counts[f"{what} died"] += 1
                        print(f"{verdict.name}: the {what} {text}", flush=True)
                    # A signal is what the process is there for; an error of Python's is ours.
                    wrong += (
                        [f"{verdict.name}: {what}: {text}"] if "Error" in text and "MemoryError" not in text else []
                    )
    print(f"files: {dict(counts)}, slowest {slowest:.1f} s, most memory {largest_child_kib() // 1024} MiB", flush=True)
    return wrong + (["a process had more memory than it may"] if largest_child_kib() > MEMORY_KIB else [])


def through_api(seed: int, seconds: int) -> list[str]:
    """The api, for so long."""
    with tempfile.TemporaryDirectory() as folder:
        service = Embedded(Path(folder) / "data", UPLOAD_MAX_BYTES=5_000_000, RATE_REQUESTS_PER_MINUTE=0).start()
        try:
            complaint = explore(service, seed, 50, seconds)
        finally:
            service.stop()
    return [complaint] if complaint else []


def main(seed: int, minutes: int, cases: int) -> int:
    """Half of the time for the files, a quarter each for the api and the readers."""
    started, seconds = time.monotonic(), minutes * 60
    wrong = through_files(seed, cases, started + seconds / 2)
    wrong += through_api(seed, max(seconds // 4, 30))
    for target in guided.TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            each = max(seconds // 4 // len(guided.TARGETS), 5)
            wrong += filter(None, [guided.fuzz(target, Path(folder), seed=seed, seconds=each)])
    print("\n".join(wrong) or f"nothing found with seed {seed} in {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


def _damaged(verdict: Verdict) -> bool:
    return verdict.report.media is not None and verdict.report.media.damage is not None


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:4])))
