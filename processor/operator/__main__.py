"""`python -m processor.operator`: decode, call, print."""

from contracts.runtime import startup

startup.begin(__name__)

import argparse
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.database.engine import open_database
from contracts.database.tables import Job, Video
from contracts.errors import NotFound, SettingsError
from contracts.results.open import open_result_store
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.storage.port import Storage
from contracts.workers.registration import connect
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.orphans import orphans, remove
from processor.housekeeping.retention import expire, expired
from processor.operator.arguments import parser
from processor.operator.doctor import examine
from processor.operator.verify import Verdict, Verifier
from processor.recordings.retention import expired_recordings
from processor.recordings.rows import RecordingRows
from processor.search.backfill import index_all


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, 1 for problems found or errors, 2 for wrong settings, 130 after an interrupt."""
    options = parser().parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    return ended(lambda: _run(options, load(None)), {SQLAlchemyError: "the database cannot be used: ", OSError: ""})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "doctor":
        return _doctor(settings, options)
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set")
    engine = open_database(settings.database_url, statement_seconds=None)
    inventory = Inventory(engine)
    match options.command:
        case "verify":
            return _verify(_chosen(inventory, options), Verifier(open_storage(settings)), as_json=options.json)
        case "index":
            return _index(engine, open_storage(settings), options)
        case "retention":
            with _stores(inventory, settings) as stores:
                return _retention(stores, RecordingRows(engine), settings, options)
        case "orphans":
            with _stores(inventory, settings) as stores:
                return _orphans(stores, settings, options)
    raise AssertionError(options.command)


@contextmanager
def _stores(inventory: Inventory, settings: Settings) -> Iterator[DataStores]:
    """The stores by the settings; data in a result store without an address is left to expire."""
    storage = open_storage(settings)
    if not settings.result_store_url:
        print("the service does not run: skipping its result store", file=sys.stderr)
        yield DataStores(inventory, storage, None, None)
        return
    with connect(settings.coordination_url) as client:
        store = open_result_store(settings.result_store_url, settings.result_ttl_seconds)
        yield DataStores(inventory, storage, store, DeletedJobs(client))


def _retention(stores: DataStores, rows: RecordingRows, settings: Settings, options: argparse.Namespace) -> int:
    if options.dry_run:
        found = expired(stores, settings)
    else:
        found = chain.from_iterable(iter(lambda: expire(stores, settings), []))
    found = chain(found, expired_recordings(stores, rows, remove=not options.dry_run))
    lines = (
        _json(item) if options.json else f"{item.kind}  {item.id}  {item.since:%Y-%m-%d %H:%M}  of user {item.user_id}"
        for item in found
    )
    _show(lines, options)
    if not settings.retention_video_days and not settings.retention_result_days:
        print(
            "RETENTION_VIDEO_DAYS and RETENTION_RESULT_DAYS are 0: only recordings of streams expire", file=sys.stderr
        )
    return 0


def _orphans(stores: DataStores, settings: Settings, options: argparse.Namespace) -> int:
    hours = settings.orphan_hours if options.hours is None else options.hours
    found = orphans(stores, hours * 3600)
    gone = found if options.dry_run else remove(stores, found)
    _show((_json(item) if options.json else f"{item.kind}  {item.name}" for item in gone), options)
    return 0


def _show(lines: Iterable[str], options: argparse.Namespace) -> None:
    count = 0
    for line in lines:
        print(line, flush=True)
        count += 1
    if not options.json:
        print(f"{count} {'would be' if options.dry_run else 'were'} removed")


def _index(engine: Engine, storage: Storage, options: argparse.Namespace) -> int:
    good, bad = 0, 0
    for job, problem in index_all(engine, storage, again=options.all):
        good, bad = good + (not problem), bad + bool(problem)
        told = {"job_id": job.id, "problem": problem or None}
        line = f"{'BAD' if problem else 'good'}  {job.id}{f'  {problem}' if problem else ''}"
        print(msgspec.json.encode(told).decode() if options.json else line, flush=True)
    if not options.json:
        print(f"{good} jobs were indexed, {bad} cannot be")
    return 1 if bad else 0


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    at = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    url = options.url or os.environ.get("WEB_DETECTOR_URL", "").strip() or at
    bad = 0
    for finding in examine(settings, url.rstrip("/")):
        bad += finding.state == "bad"
        line = f"{finding.state.upper() if finding.state != 'good' else 'good':4}  {finding.part}: {finding.seen}"
        advice = f"\n      {finding.advice}" if finding.advice else ""
        print(_json(finding) if options.json else line + advice, flush=True)
    return 1 if bad else 0


def _json(item: msgspec.Struct) -> str:
    return msgspec.json.encode(item).decode()


def _chosen(inventory: Inventory, options: argparse.Namespace) -> Iterable[tuple[Job, Video]]:
    if options.all:
        return inventory.jobs()
    found = []
    for job_id in options.jobs:
        pair = inventory.job(job_id)
        if pair is None:
            raise NotFound(f"there is no job {job_id}")
        found.append(pair)
    return sorted(found, key=lambda pair: pair[1].id)


def _verify(pairs: Iterable[tuple[Job, Video]], verifier: Verifier, *, as_json: bool) -> int:
    good, bad, unfinished = 0, 0, 0
    for job, video in pairs:
        verdict = verifier.verify(job, video)
        bad += bool(verdict.problems)
        unfinished += not verdict.checked
        good += verdict.checked and not verdict.problems
        print(_json(verdict) if as_json else _line(verdict), flush=True)
    if not as_json:
        print(f"{good} good, {bad} bad, {unfinished} not finished")
    return 1 if bad else 0


def _line(verdict: Verdict) -> str:
    if not verdict.checked:
        return f"...   {verdict.job_id}  is {verdict.state}: verify it after it has ended"
    lines = [f"{'BAD' if verdict.problems else 'good'}  {verdict.job_id}  {verdict.state}, {verdict.frames} frames"]
    if verdict.sha256:
        lines[0] += f", sha256 {verdict.sha256}"
    return "\n".join([*lines, *(f"      {problem}" for problem in verdict.problems)])


if __name__ == "__main__":
    startup.done()
    sys.exit(main())
