"""The command line of `python -m processor.manage`."""

import argparse


def parser() -> argparse.ArgumentParser:
    """What may be said."""
    made = argparse.ArgumentParser(prog="web-detector")
    commands = made.add_subparsers(dest="command", required=True)
    _add_verify(commands.add_parser("verify", help="hold what is kept of jobs against itself"))
    return made


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Makes the sum of the video anew, reads the result with its checksums, and sees that every frame that the "
        "job asked for is there once or known as missing. The exit status is 1 when something is wrong."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("jobs", nargs="*", default=[], metavar="JOB", help="id of a job")
    which.add_argument("--all", action="store_true", help="all jobs")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each job")
