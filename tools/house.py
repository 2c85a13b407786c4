"""`make house`: the rooms of each service, the arrows between them, and the sizes of its files.

A room is a folder, or a file that lies directly in the service's folder; an arrow is an import from one room to
another. Exit status 1 when rooms import each other in a circle, or a room holds too many files.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
SERVICES = ("contracts", "media", "api", "processor", "detector", "cli")
MOST_FILES = 25


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
    files = sorted((ROOT / service).rglob("*.py"))
    rooms = {room_of(path) for path in files}
    found: dict[str, set[str]] = {room: set() for room in rooms if room != "__init__"}
    for path in files:
        for name in imported(path, service):
            target = name.split(".")[1]
            if target in rooms and target != room_of(path):
                found[room_of(path)].add(target)
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The rooms of one circle, or none: what stays when rooms that import nobody left are taken away."""
    left = {room: set(targets) for room, targets in graph.items()}
    while free := [room for room, targets in left.items() if not targets & left.keys()]:
        for room in free:
            del left[room]
    return sorted(left)


def main() -> int:
    failed = False
    print(f"{'service':<10} {'rooms':>5} {'arrows':>6} {'files':>5} {'median':>6}  largest file (lines)")
    for service in SERVICES:
        graph = arrows(service)
        sizes = {path: len(path.read_text().splitlines()) for path in (ROOT / service).rglob("*.py")}
        sizes = {path: lines for path, lines in sizes.items() if lines}
        largest = max(sizes, key=lambda path: sizes[path])
        count = sum(len(targets) for targets in graph.values())
        print(f"{service:<10} {len(graph):>5} {count:>6} {len(sizes):>5} {median(sizes.values()):>6.0f}  "
              f"{largest.relative_to(ROOT)} ({sizes[largest]})")  # fmt: skip
        if found := circle(graph):
            print(f"{service}: these rooms import each other in a circle: {', '.join(found)}")
            failed = True
        folders: dict[Path, int] = defaultdict(int)
        for path in sizes:
            folders[path.parent] += 1
        for folder, files in folders.items():
            if files > MOST_FILES:
                print(f"{folder.relative_to(ROOT)} holds {files} files, more than {MOST_FILES}: split the room")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
