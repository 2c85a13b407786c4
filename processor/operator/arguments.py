"""The command line of `python -m processor.operator`."""

import argparse


def parser() -> argparse.ArgumentParser:
    """What may be said."""
    made = argparse.ArgumentParser(prog="web-detector")
    commands = made.add_subparsers(dest="command", required=True)
    _add_verify(commands.add_parser("verify", help="hold what is kept of jobs against itself"))
    _add_removing(
        commands.add_parser("retention", help="remove what is older than is kept, as the service does every hour"),
        "Removes videos and results that are older than RETENTION_VIDEO_DAYS and RETENTION_RESULT_DAYS.",
    )
    orphans = commands.add_parser("orphans", help="remove what is kept of nothing, as the service does every hour")
    _add_removing(
        orphans,
        "Removes objects of the storage and results of running jobs that belong to no video and no job (any more).",
    )
    orphans.add_argument(
        "--hours", type=float, metavar="N", help="only what has not changed for so long; ORPHAN_HOURS when left out"
    )
    doctor = commands.add_parser("doctor", help="look at every part that the service needs")
    doctor.description = (
        "Looks at database, Redis, result store, broker, clocks, storage, video libraries, models, workers and api, "
        "and says what is wrong and what to do. The exit status is 1 when the service cannot do its work."
    )
    doctor.add_argument("--url", help="of the api; WEB_DETECTOR_URL, or else HOST and PORT, when left out")
    doctor.add_argument("--json", action="store_true", help="one line of JSON for each part")
    return made


def _add_removing(parser: argparse.ArgumentParser, description: str) -> None:
    parser.description = description
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each thing")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Makes the sum of the video anew, reads the result with its checksums, and sees that every frame that the "
        "job asked for is there once or known as missing. The exit status is 1 when something is wrong."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("jobs", nargs="*", default=[], metavar="JOB", help="id of a job")
    which.add_argument("--all", action="store_true", help="all jobs")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each job")
