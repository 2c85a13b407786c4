"""What a soak test must leave behind: nothing."""

import re
from pathlib import Path

import psutil
import redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.database.engine import open_database
from contracts.database.tables import Delivery, Job, Recording, Rendition, Upload, Video
from contracts.live import keys
from contracts.live.recordings import RecordingState
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.wire.job_states import ACTIVE
from contracts.wire.renditions import UNFINISHED
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.orphans import Orphan, orphans, remove
from processor.operator.verify import Verifier
from tests.support.deployments.breakable import Patient
from tests.support.deployments.deployment import Deployment
from tests.support.servers.rabbitmq import RabbitMq
from tests.support.soak.endings import pages
from tests.support.waiting import until

# Of streams that are wanted; the number lets readers tell that something has changed.
_KEPT_FOR_EVER = {keys.SPECS, keys.SPECS_REVISION, keys.ADDRESSES}


def rows_are_final(settings: Settings) -> None:
    """Nothing waits in the tables, or will in a moment."""
    engine = open_database(settings.database_url)
    waiting = (
        select(Job.id).where(Job.state.in_([str(one) for one in ACTIVE])),
        select(Recording.id).where(Recording.state.in_([RecordingState.OPEN, RecordingState.CLOSED])),
        select(Rendition.id).where(Rendition.state.in_([str(one) for one in UNFINISHED])),
        select(Video.id).where(Video.media.is_(None), Video.refused.is_(None)),
        select(Upload.id),
        select(Delivery.id).where(Delivery.state == "waiting"),
    )

    def left() -> list[list[str]]:
        with Session(engine) as session:
            return [list(session.scalars(statement)) for statement in waiting]

    try:
        until(lambda: not any(left()), 400, progress=left)
    finally:
        engine.dispose()


def stored_data_is_good(settings: Settings) -> int:
    """As `web-detector verify --all` looks at it; how many jobs there are."""
    engine = open_database(settings.database_url)
    verifier, number = Verifier(LocalStorage(Path(settings.storage_path))), 0
    try:
        for job, video in Inventory(engine).jobs():
            verdict = verifier.verify(job, video)
            assert verdict.checked, verdict
            assert not verdict.problems, verdict
            number += 1
    finally:
        engine.dispose()
    return number


def swept(settings: Settings) -> list[Orphan]:
    """The orphans of killed writers, which the processor removes after ORPHAN_HOURS. There are none behind them."""
    engine, storage = open_database(settings.database_url), LocalStorage(Path(settings.storage_path))
    with redis.Redis.from_url(settings.coordination_url) as client:
        store = open_result_store(settings.result_store_url, settings.result_ttl_seconds)
        stores = DataStores(Inventory(engine), storage, store, DeletedJobs(client))
        try:
            list(storage.walk(0, partial_seconds=0))  # partial files, which the reaper removes after an hour
            found = [*remove(stores, orphans(stores, 0))]
            assert [*orphans(stores, 0)] == []
        finally:
            engine.dispose()
    return found


def everything_deleted(client: Patient) -> None:
    """By its owner."""
    for stream in [*pages(client, "/streams")]:
        client.call("DELETE", f"/streams/{stream['id']}", 204)
    for video in [*pages(client, "/videos")]:
        answer = client.request("DELETE", f"/videos/{video['id']}")
        assert answer.status_code in (204, 404), answer.text


def redis_is_empty(settings: Settings) -> None:
    """Only what expires is left, and the word that nobody wants a job's results any more."""
    with redis.Redis.from_url(settings.result_store_url, decode_responses=True) as client:

        def left() -> list[str]:
            running = client.scan_iter(match="wd:job:*", count=1000)
            return [key for key in running if not key.endswith(":state") or client.hkeys(key) != ["cancel"]]

        until(lambda: not left(), 60, progress=left)
        for_ever = {key for key in client.scan_iter(count=1000) if client.ttl(key) == -1}
    assert for_ever <= _KEPT_FOR_EVER, for_ever


def queues(server: RabbitMq, space: str) -> list[str]:
    """The names of all queues. In those of workers, which outlive them by a moment, N is what tells two apart."""
    return sorted(re.sub(r"-[0-9a-f]+@", "-N@", name) for name in server.held(space))


def processes_are_gone(folder: Path) -> None:
    """Of a deployment that was stopped, which has its home there."""
    home = str(folder / "home")

    def left() -> list[str]:
        there = psutil.process_iter(["cmdline", "environ"])
        return [str(one.info["cmdline"]) for one in there if (one.info["environ"] or {}).get("HOME") == home]

    until(lambda: not left(), 30, progress=left)


def temporary_files(own: Deployment) -> list[str]:
    """What is left in /tmp of the containers that were stopped in order; that of a killed one goes with it."""
    stopped = [part for part in own.parts if part.process.returncode == 0]
    return [str(path) for part in stopped for path in own.temporary(part.name).rglob("*")]
