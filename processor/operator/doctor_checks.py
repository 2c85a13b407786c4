"""The checks of `web-detector doctor`. Each returns a description of what it found, or raises CheckFailed."""

import hashlib
import http.client
import io
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import av
import numpy as np
import redis
from kombu import Connection
from kombu.exceptions import ChannelError
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.exc import SQLAlchemyError

from contracts.database.engine import open_database
from contracts.database.revision import revision_of
from contracts.database.tables import REVISION
from contracts.errors import WebDetectorError
from contracts.models.catalogue import BUNDLED, Catalogue
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.wire.tasks import QUEUE_DETECTOR, QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY, QUEUE_RENDER
from contracts.workers.celery_app import create_celery
from contracts.workers.registration import WORKERS, connect, count_workers, loaded_models
from processor.probe.ask import probe

_BUNDLED_FILES = Path(__file__).parents[2] / "detector" / "models"
_SECONDS = 5
_LEAST_FREE = 5 * 1024**3
_CLOCK_WARNS, _CLOCK_FAILS = 2.0, 30.0
_OF_STREAMS = {"ingest", "live_detector"}
_QUEUES = (QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY, QUEUE_RENDER, QUEUE_DETECTOR)


class CheckFailed(Exception):
    """A failed check. bad: the service cannot work; otherwise a warning."""

    def __init__(self, seen: str, advice: str, *, bad: bool = True) -> None:
        super().__init__(seen)
        self.seen, self.advice, self.bad = seen, advice, bad


def database(settings: Settings) -> str:
    """The database answers, and its schema is of this release."""
    engine = open_database(settings.database_url)
    try:
        with engine.connect() as connection:
            found = revision_of(connection)
    except (SQLAlchemyError, OSError) as error:
        raise CheckFailed(_first(error), "check that the database runs and that DATABASE_URL is correct") from error
    finally:
        engine.dispose()
    if found != REVISION:
        advice = "starting the service migrates them (distributed: `docker compose run --rm migrate`)"
        if found is not None and found > REVISION:
            advice = "a newer release has migrated them: run that release"
        raise CheckFailed(f"the tables have revision {found or 'none'}, but this release needs {REVISION}", advice)
    return f"{engine.dialect.name}, revision {found}"


def broker(settings: Settings) -> str:
    """The broker answers, and has all queues."""
    app = create_celery(settings)
    options = {"max_retries": 1, "interval_start": 0.1, "timeout": _SECONDS}
    waiting = []
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(**options)
            for name in _QUEUES:
                waiting.append(_queue(connection, name))
    except (BrokerError, OSError, redis.RedisError) as error:
        raise CheckFailed(_first(error), "check that the broker runs and that BROKER_URL is correct") from error
    return ", ".join(waiting)


def _queue(connection: Connection, name: str) -> str:
    on_amqp = connection.transport.driver_type == "amqp"
    try:
        with connection.channel() as channel:
            found = channel.queue_declare(name, passive=True)
    except ChannelError as error:
        if not on_amqp:  # where a queue is there as long as something is in it
            return f"{name} has 0 waiting"
        advice = "the first worker creates it: start the workers"
        raise CheckFailed(f"there is no queue {name}", advice) from error
    return f"{name} has {found.message_count} waiting"


def redis_server(settings: Settings) -> str:
    """Redis answers, persists its data, and evicts nothing."""
    with answering_redis(settings) as client:
        found = client.info()
    seen = f"version {found['redis_version']}, {found['used_memory_human']} used"
    if found.get("maxmemory_policy", "noeviction") != "noeviction":
        advice = "set maxmemory-policy noeviction: otherwise Redis evicts results of running jobs"
        raise CheckFailed(f"{seen}, policy {found['maxmemory_policy']}", advice)
    most = found.get("maxmemory", 0)
    if most and found["used_memory"] > 0.9 * most:
        raise CheckFailed(
            f"{seen} of {found['maxmemory_human']}", "raise maxmemory: jobs fail when it is reached", bad=False
        )
    if not found.get("aof_enabled"):
        advice = "set appendonly yes: otherwise running jobs restart after a restart of Redis"
        raise CheckFailed(f"{seen}, without an append-only file", advice, bad=False)
    return f"{seen}, append-only file"


def result_store(settings: Settings) -> str:
    """The result store answers."""
    try:
        open_result_store(settings.result_store_url, settings.result_ttl_seconds).ping()
    except WebDetectorError as error:
        raise CheckFailed(error.detail, "check that it runs and that RESULT_STORE_URL is correct") from error
    return settings.result_store_url.partition("://")[0]


def storage(settings: Settings) -> str:
    """The storage can be written and read, a stored video can be probed, and there is free space."""
    key, content = f"doctor/{uuid.uuid4().hex}", _clip()
    kept = open_storage(settings)
    try:
        with kept.create(key) as sink:
            sink.write(content)
        try:
            with kept.open(key) as source:
                same = source.read() == content
            report = probe(kept, settings, key)
        finally:
            kept.delete(key)
    except (WebDetectorError, OSError) as error:
        advice = "check that STORAGE_DIR or STORAGE_URL is correct, writable by this user, and has free space"
        raise CheckFailed(_first(error), advice) from error
    if not same:
        raise CheckFailed(
            "the content read differs from the content written",
            "do not use this storage: check the disk or the object store",
        )
    if report.media is None or report.media.frames != 1:
        raise CheckFailed(f"a stored video cannot be probed: {report.refused}", "see `video libraries` below")
    return f"{settings.storage_url or settings.storage_path}{_room(settings)}"


def _room(settings: Settings) -> str:
    if settings.storage_bucket:
        return ""
    there = shutil.disk_usage(settings.storage_path)
    seen = f", {there.free / 1024**3:.1f} GiB free"
    if there.free < _LEAST_FREE:
        raise CheckFailed(
            f"{settings.storage_path}{seen}",
            "free disk space, or set RETENTION_VIDEO_DAYS: uploads are refused",
            bad=False,
        )
    return seen


def workers(settings: Settings) -> str:
    """At least one worker of each role is running. Without those of streams, jobs work all the same: a warning."""
    with answering_redis(settings) as client:
        found = {role: count_workers(client, role) for role in WORKERS}
    names = {role: role.replace("_", " ") for role in found}
    seen = ", ".join(f"{count} {names[role]}{'' if count == 1 else 's'}" for role, count in found.items())
    if missing := [role for role, count in found.items() if not count]:
        bad = not _OF_STREAMS.issuperset(missing)
        who, waiting = ", ".join(names[role] for role in missing), "jobs wait" if bad else "streams wait"
        raise CheckFailed(seen, f"start {who}, or check the log: {waiting} until it runs", bad=bad)
    return seen


def models(settings: Settings) -> str:
    """The default model is in the catalogue, and the model files match their catalogue entries."""
    catalogue = Catalogue(settings.models_path)
    default = catalogue.get(settings.default_model).id
    entries = {path.stem for path in settings.models_path.glob("*.json")}
    known = {model.id: model for model in catalogue.all()}
    if broken := sorted(entries - set(known)):
        advice = f"run `web-detector models verify {broken[0]}` for the reason"
        raise CheckFailed(f"the catalogue entry of {', '.join(broken)} cannot be read", advice)
    checked = []
    for model in known.values():
        folder = _BUNDLED_FILES if model.id in BUNDLED and model.id not in entries else settings.models_path
        path = folder / model.file
        if folder == _BUNDLED_FILES and not folder.is_dir():
            continue  # they are in the image of the detectors, which check them
        if not path.is_file() or (model.sha256 and _sha256(path) != model.sha256):
            state = "is missing" if not path.is_file() else "does not match its catalogue entry"
            raise CheckFailed(f"{path} {state}", f"add model {model.id} again, with --replace, or remove it")
        checked.append(model.id)
    seen = f"default {default}; valid files: {', '.join(checked) or 'none here'}"
    if settings.coordination_url:
        with answering_redis(settings) as client:
            ready = sorted(loaded_models(client))
        seen += f"; ready in detectors: {', '.join(ready) or 'none'}"
    return seen


def video_libraries(_: Settings) -> str:
    """FFmpeg's libraries can decode a video."""
    with av.open(io.BytesIO(_clip()), "r") as container:
        frames = len(list(container.decode(video=0)))
    if frames != 1:
        raise CheckFailed(f"{frames} frames were decoded of 1", "reinstall the service's packages")
    versions = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return f"PyAV {av.__version__}, " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def clock(settings: Settings) -> str:
    """The clocks of this machine and of Redis agree."""
    with answering_redis(settings) as client:
        before = time.time()
        seconds, microseconds = client.time()
        there, here = seconds + microseconds / 1e6, (before + time.time()) / 2
    apart = abs(there - here)
    seen = f"{apart:.1f} s apart from Redis"
    if apart > _CLOCK_WARNS:
        advice = "synchronise the clocks of all machines with NTP: tokens, retention and job times depend on them"
        raise CheckFailed(seen, advice, bad=apart > _CLOCK_FAILS)
    return seen


def api(url: str) -> str:
    """The api is ready and serves the web UI."""
    try:
        if _ask(f"{url}/readyz") != (200, "application/json"):
            raise CheckFailed(f"{url} is not this service, or is not ready", "see the other checks")
        page = _ask(f"{url}/")
    except (OSError, http.client.HTTPException, ValueError) as error:
        advice = "start the service, or give its address with --url; check that no other program uses its port"
        raise CheckFailed(f"{url}: {_first(error)}", advice) from error
    if page != (200, "text/html"):
        raise CheckFailed(f"{url} has no web UI", "build it with `make page`, or set PAGE_DIR", bad=False)
    return f"{url}, ready, with the web UI"


def _ask(url: str) -> tuple[int, str]:
    """HTTP status and content type of a response."""
    try:
        with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  (an operator's own address)
            return answer.status, answer.headers.get_content_type()
    except HTTPError as error:
        with error:
            return error.code, ""


@contextmanager
def answering_redis(settings: Settings) -> Iterator["redis.Redis"]:
    """A client. Raises CheckFailed when Redis does not answer."""
    try:
        with connect(settings.coordination_url) as client:
            yield client
    except redis.RedisError as error:
        advice = "check that Redis runs and that REDIS_URL (or RESULT_STORE_URL) is correct"
        raise CheckFailed(_first(error), advice) from error


def _clip() -> bytes:
    """A video of one frame."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="avi") as writer:
        stream = writer.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"  # type: ignore[attr-defined]
        writer.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))  # type: ignore[attr-defined]
        writer.mux(stream.encode())  # type: ignore[attr-defined]
    return sink.getvalue()


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _first(error: BaseException) -> str:
    """The first line of an error's text, never its URL, which may contain a password."""
    said = str(getattr(error, "reason", None) or getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
