"""The command line of `python -m processor.operator`."""

import argparse


def parser() -> argparse.ArgumentParser:
    """The argument parser."""
    made = argparse.ArgumentParser(prog="web-detector")
    commands = made.add_subparsers(dest="command", required=True)
    _add_verify(commands.add_parser("verify", help="check the integrity of stored jobs"))
    _add_removing(
        commands.add_parser(
            "retention", help="remove data older than the retention settings, as the service does every hour"
        ),
        "Removes videos and results that are older than RETENTION_VIDEO_DAYS and RETENTION_RESULT_DAYS.",
    )
    orphans = commands.add_parser("orphans", help="remove orphaned objects and results, as the service does every hour")
    _add_removing(
        orphans,
        "Removes objects of the storage and results of running jobs that belong to no existing video or job.",
    )
    orphans.add_argument(
        "--hours", type=float, metavar="N", help="only those unchanged for N hours (default: ORPHAN_HOURS)"
    )
    index = commands.add_parser("index", help="make the tracks of all jobs searchable, as the service does every hour")
    index.description = "Writes the tracks of jobs to the tables that a search reads."
    index.add_argument("--all", action="store_true", help="also of jobs that can be searched already")
    index.add_argument("--json", action="store_true", help="print one line of JSON per job")
    doctor = commands.add_parser("doctor", help="check the health of the service")
    doctor.description = (
        "Checks database, Redis, result store, broker, clocks, storage, video libraries, models, workers and api, "
        "and reports problems with advice. The exit status is 1 when the service cannot work."
    )
    doctor.add_argument("--url", help="address of the api (default: WEB_DETECTOR_URL, else HOST and PORT)")
    doctor.add_argument("--json", action="store_true", help="print one line of JSON per check")
    return made


def _add_removing(parser: argparse.ArgumentParser, description: str) -> None:
    parser.description = description
    parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per item")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hashes the video, reads the result with its checksums, and checks that every requested frame is present "
        "once or listed as missing. The exit status is 1 when a problem is found."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("jobs", nargs="*", default=[], metavar="JOB", help="id of a job")
    which.add_argument("--all", action="store_true", help="all jobs")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per job")
