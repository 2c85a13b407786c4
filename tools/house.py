"""`make house`: modules of each service and of the web UI, imports between them, file sizes, and full folders.

A room is a top-level folder of a service, or a file directly in the service's folder; in web/src, every folder and the
files directly in it. An arrow is an import from one room to another. Exit status 1 when rooms import each other in a
circle, two files of web/src have the same stem, or any folder of the repository holds more than 25 files. Empty files,
which only make a folder a package, do not count there, nor do files that Git ignores.
"""

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
SERVICES = ("contracts", "analytics", "media", "api", "processor", "detector", "ingest", "cli", "web_detector")
WEB = ROOT / "web" / "src"
MOST_FILES = 25
_WEB_IMPORT = re.compile(r'(?:from|import|import\()\s*"(\.[^"]+)"')


def room_of(path: Path) -> str:
    """The first folder below the service, or the file itself."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else Path(parts[-1]).stem


def imported(path: Path, service: str) -> set[str]:
    """The dotted names below the service that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith(f"{service}.")}


def arrows(service: str) -> dict[str, set[str]]:
    """For each room, the rooms that it imports from."""
    files = [path for path in sorted((ROOT / service).rglob("*.py")) if room_of(path) != "__init__"]
    rooms = {room_of(path) for path in files}
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for path in files:
        for name in imported(path, service):
            target = name.split(".")[1]
            if target in rooms and target != room_of(path):
                found[room_of(path)].add(target)
    return found


def web_arrows() -> dict[str, set[str]]:
    """For each folder of web/src, the folders that its files import from."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in web_files():
        if ".test" in path.suffixes or path.suffix == ".css":
            continue
        targets = {(path.parent / name).resolve().parent for name in _WEB_IMPORT.findall(path.read_text())}
        found[str(path.parent.relative_to(WEB))] |= {str(target.relative_to(WEB)) for target in targets - {path.parent}}
    return found


def web_files() -> list[Path]:
    return sorted(path for path in WEB.rglob("*") if path.is_file())


def repeated_stems() -> list[str]:
    """Stems that several folders of web/src use for code: a search for one finds the other."""
    folders: dict[str, set[Path]] = defaultdict(set)
    for path in web_files():
        if path.suffix != ".css":
            folders[path.name.partition(".")[0]].add(path.parent)
    return sorted(stem for stem, found in folders.items() if len(found) > 1)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The rooms of circles, or none: repeatedly removes rooms without imports of, or by, the remaining ones."""
    left = {room: set(targets) for room, targets in graph.items()}
    while True:
        used = set().union(*left.values())
        free = [room for room, targets in left.items() if not targets & left.keys() or room not in used]
        if not free:
            return sorted(left)
        for room in free:
            del left[room]


def report(name: str, graph: dict[str, set[str]], files: list[Path]) -> list[str]:
    """Print a line of the table; returns the problems found."""
    sizes = {path: lines for path in files if (lines := len(path.read_text().splitlines()))}
    largest = max(sizes, key=lambda path: sizes[path])
    count = sum(len(targets) for targets in graph.values())
    print(f"{name:<10} {len(graph):>5} {count:>6} {len(sizes):>5} {median(sizes.values()):>6.0f}  "
          f"{largest.relative_to(ROOT)} ({sizes[largest]})")  # fmt: skip
    found = circle(graph)
    return [f"{name}: these rooms import each other in a circle: {', '.join(found)}"] if found else []


def repository_files() -> list[Path]:
    """The files that Git has or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for name in sorted(set(names)) if (path := ROOT / name).is_file()]


def full_folders(files: list[Path]) -> list[str]:
    """The folders with more files than a reader sees at a glance."""
    numbers = Counter(path.parent for path in files if path.stat().st_size)
    return [
        f"{folder.relative_to(ROOT)} holds {number} files, more than {MOST_FILES}: divide it by subject"
        for folder, number in numbers.items()
        if number > MOST_FILES
    ]


def main() -> int:
    print(f"{'service':<10} {'rooms':>5} {'arrows':>6} {'files':>5} {'median':>6}  largest file (lines)")
    problems = []
    for service in SERVICES:
        problems += report(service, arrows(service), list((ROOT / service).rglob("*.py")))
    problems += report("web", web_arrows(), web_files())
    problems += full_folders(repository_files())
    problems += [f"web: several files are named {stem}: rename all but one" for stem in repeated_stems()]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
