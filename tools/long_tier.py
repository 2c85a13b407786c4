"""Long tier of the tests: families that are too slow for every change, and the paths that they cover.

    python -m tools.long_tier [--touched HOURS] [--minutes BUDGET]

Without options it runs all families (`make test-long`). With --touched it runs those whose paths were changed by
commits of the last HOURS, in the order of the table, within BUDGET minutes. At the end it prints which families ran,
which did not, and why. Exit status 1 when one failed.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTEST = f"{Path(sys.executable).parent}/pytest"
NEEDS_OWN_SETUP = "images or int8 or model or audit or detectron2 or browsers or rabbitmq"
BY_MODE = "distributed or every_mode"


@dataclass(frozen=True)
class Family:
    """Tests that run together. minutes: estimated time on two cores. paths: prefixes of covered files."""

    name: str
    minutes: float
    command: str
    paths: tuple[str, ...]


FAMILIES = (
    Family("api", 2, f"{PYTEST} -m long tests/service/accounts/test_schemathesis.py", ("api/",
           "tests/support/hostile/")),
    Family("dockerfiles", 1.5, "make lint-images", ("docker-compose.yaml", "deploy/", "api/Dockerfile",
           "processor/Dockerfile", "detector/Dockerfile", "tools/lint/", "requirements/images")),
    Family("converter", 1, "make test-model", ("tools/convert_nanodet.py", "detector/models/", "requirements/images")),
    Family("quantiser", 6, "make int8", ("tools/quantize_nanodet.py", "tools/calibration_pictures.py",
           "requirements/int8")),
    Family("vulnerability report", 1, "make test-audit audit WHERE_POSSIBLE=1", ("requirements/", "pyproject.toml",
           "web/package-lock.json", "tools/lint/package-lock.json", "tools/audit.py")),
    Family("formats", 5, f"{PYTEST} -m 'long and not ({NEEDS_OWN_SETUP})' tests/media", ("media/", "detector/decode/",
           "processor/probe/", "processor/renditions/", "processor/core/", "tests/media/", "tests/support/videos/",
           "tests/support/hostile/")),
    Family("PyTorch engines", 7, "make test-detectron2", ("detector/engines/", "detector/engine.py", "detector/heads/",
           "requirements/detectron2", "tools/install-detectron2", "tools/check-gpu", "tools/gpu_check/",
           "tests/long/test_torch", "tests/long/test_gpu_check.py", "tests/support/models/",
           "tests/support/engine_conformance.py")),
    Family("trackers", 1, f"{PYTEST} -m long tests/long/test_trackers.py", ("analytics/tracking/",
           "analytics/association.py", "analytics/boxes.py", "cli/evaluation/tracking", "requirements/trackers",
           "tests/support/tracking/", "tests/long/test_trackers.py")),
    Family("models", 3, f"{PYTEST} -m 'long and not ({BY_MODE} or {NEEDS_OWN_SETUP})' tests/end_to_end tests/adapters",
           ("detector/", "contracts/models/", "cli/evaluation/", "tests/end_to_end/", "tests/adapters/")),
    Family("images", 5, "make test-images", ("api/Dockerfile", "processor/Dockerfile", "detector/Dockerfile",
           ".dockerignore", "requirements/", "pyproject.toml", "tools/make-base-image", "tests/packaging/")),
    Family("Python 3.13", 20, "make test-trixie", ("requirements/all.txt", "tools/test-on-trixie")),
    Family("speed", 5, "LOOPS=bare make bench-detect PAIRS=5 FRAMES=300", ("detector/", "media/", "benchmarks/",
           "contracts/results/", "processor/core/")),
    Family("deployment modes", 26,
           f"WEB_DETECTOR_LONG=1 {PYTEST} -m 'long and ({BY_MODE}) and not ({NEEDS_OWN_SETUP})' tests",
           ("docker-compose.yaml", "deploy/", "migrations/", "contracts/workers/", "contracts/coordination/",
            "contracts/database/", "contracts/results/", "contracts/storage/", "contracts/wire/", "contracts/live/",
            "processor/jobs/", "processor/tasks.py", "processor/repository.py", "detector/chunk_attempt.py",
            "detector/tasks.py", "api/tables/", "api/notify/", "tests/distributed/", "tests/support/deployments/",
            "tests/support/servers/")),
    Family("RabbitMQ 4", 9, "make test-rabbitmq", ("contracts/workers/", "contracts/wire/tasks.py",
           "tests/support/servers/rabbitmq.py", "tests/distributed/test_queues.py", "tests/distributed/test_taking.py",
           "tools/make-rabbitmq-root")),
    Family("load and memory", 6, f"{PYTEST} -m 'long and not ({BY_MODE} or {NEEDS_OWN_SETUP})'"
           " --ignore tests/service/accounts/test_schemathesis.py --ignore tests/long/test_trackers.py"
           " tests/long tests/service tests/distributed tests/page",
           ("api/uploads/", "api/web/", "api/gunicorn_worker.py", "contracts/storage/", "tests/long/", "tests/page/")),
    Family("browsers", 3, "make test-browsers", ("web/", "tests/support/browsers/",
           "tests/page/test_page_browsers.py")),
    Family("fuzzing", 3, "make fuzz SEED=1 MINUTES=1 CASES=100", ("media/sandbox.py", "api/requests/",
           "contracts/results/", "processor/probe/", "tests/support/hostile/")),
)  # fmt: skip


def touched(hours: float) -> list[str]:
    """Files changed by commits of the last hours."""
    command = ["git", "log", f"--since={hours} hours ago", "--name-only", "--pretty=format:"]
    return sorted(set(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")))


def run(family: Family) -> bool:
    print(f"\n==== {family.name}: {family.command}", flush=True)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", family.command], cwd=ROOT, env=environ, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--touched", type=float, metavar="HOURS", help="only what these hours' commits touched")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no family that would exceed these")
    parser.add_argument("--only", action="append", default=[], metavar="FAMILY", help="this family alone")
    asked = parser.parse_args(arguments)
    files = None if asked.touched is None else touched(asked.touched)
    lines, failed, start = [], False, time.monotonic()
    for family in FAMILIES:
        if asked.only and family.name not in asked.only:
            continue
        because = files is None or next((file for file in files if file.startswith(family.paths)), None)
        spent = (time.monotonic() - start) / 60
        if not because:
            lines.append(f"{family.name}: not run, none of its files was touched")
        elif spent + family.minutes > asked.minutes:
            lines.append(f"{family.name}: not run, it may take {family.minutes} of the {asked.minutes - spent:.1f} "
                         "minutes that are left; make test-long runs it")  # fmt: skip
        else:
            good, before = run(family), spent
            failed |= not good
            minutes = (time.monotonic() - start) / 60 - before
            why = "" if because is True else f" ({because} was touched)"
            lines.append(f"{family.name}: {'passed' if good else 'FAILED'} in {minutes:.1f} minutes{why}")
    print("\n==== the long tier\n" + "\n".join(lines), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
