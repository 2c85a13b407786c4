"""What `web-detector doctor` looks at, one function for each part. Each tells what it saw, or raises Ailing."""

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
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from contracts.database.engine import open_database
from contracts.database.tables import REVISION
from contracts.errors import WebDetectorError
from contracts.models.catalogue import BUNDLED, Catalogue
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.wire.tasks import QUEUE_DETECTOR, QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RENDER
from contracts.workers.celery_app import create_celery
from contracts.workers.registration import WORKERS, connect, count_workers, loaded_models
from processor.probe.ask import probe

_BUNDLED_FILES = Path(__file__).parents[2] / "detector" / "models"
_SECONDS = 5
_LEAST_FREE = 5 * 1024**3
_CLOCK_WARNS, _CLOCK_FAILS = 2.0, 30.0
_QUEUES = (QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RENDER, QUEUE_DETECTOR)


class Ailing(Exception):
    """Something is not as it should be. bad: the service does not do its work so; else it is worth a look."""

    def __init__(self, seen: str, advice: str, *, bad: bool = True) -> None:
        super().__init__(seen)
        self.seen, self.advice, self.bad = seen, advice, bad


def database(settings: Settings) -> str:
    """The tables answer, and are those of this version."""
    engine = open_database(settings.database_url)
    try:
        with engine.connect() as connection:
            there = inspect(connection).has_table("alembic_version")
            found = connection.scalar(text("SELECT version_num FROM alembic_version")) if there else None
    except (SQLAlchemyError, OSError) as error:
        raise Ailing(_first(error), "see that the database runs, and that DATABASE_URL is right") from error
    finally:
        engine.dispose()
    if found != REVISION:
        advice = "a start of the service brings them up to date (distributed: `docker compose run --rm migrate`)"
        if found is not None and found > REVISION:
            advice = "they were made by a newer release: run that one"
        raise Ailing(f"the tables are of revision {found or 'none'}, and this release needs {REVISION}", advice)
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
        raise Ailing(_first(error), "see that the broker runs, and that BROKER_URL is right") from error
    return ", ".join(waiting)


def _queue(connection: Connection, name: str) -> str:
    on_amqp = connection.transport.driver_type == "amqp"
    try:
        with connection.channel() as channel:
            found = channel.queue_declare(name, passive=True)
    except ChannelError as error:
        if not on_amqp:  # where a queue is there as long as something is in it
            return f"{name} has 0 waiting"
        advice = "it is made when its first worker starts: start the workers"
        raise Ailing(f"there is no queue {name}", advice) from error
    consumers = f" and {found.consumer_count} consumers" if on_amqp else ""
    return f"{name} has {found.message_count} waiting{consumers}"


def redis_server(settings: Settings) -> str:
    """Redis answers, keeps what it is given, and throws nothing away."""
    with _redis(settings) as client:
        found = client.info()
    seen = f"version {found['redis_version']}, {found['used_memory_human']} used"
    if found.get("maxmemory_policy", "noeviction") != "noeviction":
        advice = "set maxmemory-policy noeviction: it throws away results of running jobs otherwise"
        raise Ailing(f"{seen}, policy {found['maxmemory_policy']}", advice)
    most = found.get("maxmemory", 0)
    if most and found["used_memory"] > 0.9 * most:
        raise Ailing(
            f"{seen} of {found['maxmemory_human']}", "give it more memory: jobs fail when it is full", bad=False
        )
    if not found.get("aof_enabled"):
        advice = "set appendonly yes: a restart makes running jobs begin again otherwise"
        raise Ailing(f"{seen}, without an append-only file", advice, bad=False)
    return f"{seen}, append-only file"


def result_store(settings: Settings) -> str:
    """The store of the running jobs' results answers."""
    try:
        open_result_store(settings.result_store_url, settings.result_ttl_seconds).ping()
    except WebDetectorError as error:
        raise Ailing(error.detail, "see that it runs, and that RESULT_STORE_URL is right") from error
    return settings.result_store_url.partition("://")[0]


def storage(settings: Settings) -> str:
    """What is written to the storage can be read again, a video there can be looked at, and there is room."""
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
        advice = "see that STORAGE_DIR or STORAGE_URL is right, that this user may write there, and that there is room"
        raise Ailing(_first(error), advice) from error
    if not same:
        raise Ailing("what was written is read otherwise", "do not use it: look at the disk, or at the object store")
    if report.media is None or report.media.frames != 1:
        raise Ailing(f"a video in it cannot be looked at: {report.refused}", "see `video libraries` below")
    return f"{settings.storage_url or settings.storage_path}{_room(settings)}"


def _room(settings: Settings) -> str:
    if settings.storage_bucket:
        return ""
    there = shutil.disk_usage(settings.storage_path)
    seen = f", {there.free / 1024**3:.1f} GiB free"
    if there.free < _LEAST_FREE:
        raise Ailing(
            f"{settings.storage_path}{seen}",
            "free some room, or set RETENTION_VIDEO_DAYS: uploads are refused",
            bad=False,
        )
    return seen


def workers(settings: Settings) -> str:
    """There is a worker of each role."""
    with _redis(settings) as client:
        found = {role: count_workers(client, role) for role in WORKERS}
    seen = ", ".join(f"{count} {role}{'' if count == 1 else 's'}" for role, count in found.items())
    if missing := [role for role, count in found.items() if not count]:
        raise Ailing(seen, f"start a {' and a '.join(missing)}, or look at its log: jobs wait until there is one")
    return seen


def models(settings: Settings) -> str:
    """The default model is known, the files of the models are as their entries say, and detectors have some ready."""
    catalogue = Catalogue(settings.models_path)
    default = catalogue.get(settings.default_model).id
    entries = {path.stem for path in settings.models_path.glob("*.json")}
    known = {model.id: model for model in catalogue.all()}
    if broken := sorted(entries - set(known)):
        advice = f"`web-detector models verify {broken[0]}` says what is wrong"
        raise Ailing(f"the entry of {', '.join(broken)} cannot be read", advice)
    checked = []
    for model in known.values():
        folder = _BUNDLED_FILES if model.id in BUNDLED and model.id not in entries else settings.models_path
        path = folder / model.file
        if folder == _BUNDLED_FILES and not folder.is_dir():
            continue  # those lie with the detectors, which look at them themselves
        if not path.is_file() or (model.sha256 and _sha256(path) != model.sha256):
            state = "is missing" if not path.is_file() else "is not the one of its entry"
            raise Ailing(f"{path} {state}", f"add model {model.id} again, with --replace, or remove it")
        checked.append(model.id)
    seen = f"default {default}; files are good: {', '.join(checked) or 'none here'}"
    if settings.coordination_url:
        with _redis(settings) as client:
            ready = sorted(loaded_models(client))
        seen += f"; ready in detectors: {', '.join(ready) or 'none'}"
    return seen


def video_libraries(_: Settings) -> str:
    """FFmpeg's libraries are there and decode."""
    with av.open(io.BytesIO(_clip()), "r") as container:
        frames = len(list(container.decode(video=0)))
    if frames != 1:
        raise Ailing(f"{frames} frames were decoded of 1", "install the service's packages anew")
    versions = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return f"PyAV {av.__version__}, " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def clock(settings: Settings) -> str:
    """This machine and Redis agree on the time."""
    with _redis(settings) as client:
        before = time.time()
        seconds, microseconds = client.time()
        there, here = seconds + microseconds / 1e6, (before + time.time()) / 2
    apart = abs(there - here)
    seen = f"{apart:.1f} s apart from Redis"
    if apart > _CLOCK_WARNS:
        advice = "keep all machines' clocks by NTP: tokens, retention and times of jobs go by them"
        raise Ailing(seen, advice, bad=apart > _CLOCK_FAILS)
    return seen


def api(url: str) -> str:
    """The api answers that all is there, and has the page."""
    try:
        if _ask(f"{url}/readyz") != (200, "application/json"):
            raise Ailing(f"{url} is not this service, or says that a part of it is missing", "see the other lines")
        page = _ask(f"{url}/")
    except (OSError, http.client.HTTPException, ValueError) as error:
        advice = "start the service, or name its address with --url; see that nothing else has its port"
        raise Ailing(f"{url}: {_first(error)}", advice) from error
    if page != (200, "text/html"):
        raise Ailing(f"{url} has no page", "build it with `make page`, or set PAGE_DIR", bad=False)
    return f"{url}, ready, with the page"


def _ask(url: str) -> tuple[int, str]:
    """Status and type of an answer."""
    try:
        with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  (an operator's own address)
            return answer.status, answer.headers.get_content_type()
    except HTTPError as error:
        with error:
            return error.code, ""


@contextmanager
def _redis(settings: Settings) -> Iterator["redis.Redis"]:
    try:
        with connect(settings.coordination_url) as client:
            yield client
    except redis.RedisError as error:
        advice = "see that Redis runs, and that REDIS_URL (or RESULT_STORE_URL) is right"
        raise Ailing(_first(error), advice) from error


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
    """The first line of what an error says; never an address, which may hold a password."""
    said = str(getattr(error, "reason", None) or getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
