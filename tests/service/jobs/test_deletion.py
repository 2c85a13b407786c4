"""Deleting a video or a job really deletes: nothing of it is left in storage, tables, Redis or broker."""

import time
from pathlib import Path
from typing import Any

import redis
from kombu import Connection
from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import AuditEvent, Base
from contracts.results.urls import is_redis
from contracts.settings.table import Settings
from contracts.wire.tasks import QUEUE_DETECTOR, QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RENDER
from tests.support.deployments.service import Service

# What is left of a deleted job for a while: that nobody wants it, that it is gone, and turns that fade.
FADING = ("wd:job:{id}:state", "wd:gone:", "wd:claim:")


def test_deleting_a_video_removes_all_data_of_its_jobs(service: Service, sample: Path) -> None:
    client = service.client()
    ended = client.detect(sample)
    other = client.wait(client.start({"id": ended["video_id"]}, options={"every_n": 5}))
    path = f"/jobs/{ended['id']}/renditions/annotated"
    client.call("PUT", path, 202)
    client.call("DELETE", f"/jobs/{other['id']}", 204)
    settings = service.settings()
    assert left_in_storage(service, other["id"]) == []
    assert left_in_tables(settings, other["id"]) == []
    assert left_in_tables(settings, ended["id"]), "the test finds what is there"
    client.call("DELETE", f"/videos/{ended['video_id']}", 204)

    ids = [ended["video_id"], ended["id"], other["id"]]
    deadline = time.monotonic() + 60
    while any(left_in_broker(settings).values()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(left_in_broker(settings).values())
    for one in ids:
        while (files := left_in_storage(service, one)) and time.monotonic() < deadline:
            time.sleep(0.2)  # a copy that was being made is given up
        assert files == []
        assert left_in_tables(settings, one) == []
        assert left_in_redis(settings.coordination_url, one) == []
        if _on_redis(settings):
            assert left_in_redis(_plain(settings.broker_url), one) == []


def left_in_storage(service: Service, part: str) -> list[str]:
    return [name for name in service.stored_files() if part in name]


def left_in_tables(settings: Settings, part: str) -> list[Any]:
    """Rows in which an id stands anywhere; the audit log alone may keep it."""
    engine = open_database(settings.database_url)
    found = []
    with Session(engine) as session:
        for table in Base.metadata.sorted_tables:
            if table.name != AuditEvent.__tablename__:
                found += [row for row in session.execute(select(table)) if part in str(row)]
    engine.dispose()
    return found


def left_in_redis(url: str, part: str) -> list[str]:
    """Keys that hold or are named after an id, but for those that tell of its end and fade by themselves."""
    fading = [name.format(id=part) for name in FADING]
    found = []
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(count=1000):
            name = key.decode(errors="replace")
            if part in name or part.encode() in (client.dump(key) or b"") + _content(client, key):
                told = any(name.startswith(allowed) for allowed in fading) and client.ttl(key) > 0
                if name.endswith(":state"):
                    told = told and set(client.hkeys(key)) == {b"cancel"}
                if not told:
                    found.append(name)
    return found


def _content(client: "redis.Redis", key: bytes) -> bytes:
    """What a list, hash, set or string holds: a dump of it may be compressed."""
    kind = str(client.type(key), "ascii")  # type: ignore[arg-type]
    reads: dict[str, Any] = {
        "list": lambda: client.lrange(key, 0, -1),
        "hash": lambda: client.hgetall(key),
        "zset": lambda: client.zrange(key, 0, -1),
        "set": lambda: client.smembers(key),
        "string": lambda: client.get(key),
    }
    return str(reads[kind]()).encode() if kind in reads else b""


def left_in_broker(settings: Settings) -> dict[str, int]:
    """Messages that wait, by queue."""
    names = (QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RENDER, QUEUE_DETECTOR)
    if _on_redis(settings):
        with redis.Redis.from_url(_plain(settings.broker_url)) as client:
            return {name: int(str(client.llen(name))) for name in names} | {"unacked": int(str(client.hlen("unacked")))}
    with Connection(settings.broker_url) as connection, connection.channel() as channel:
        return {name: channel.queue_declare(name, passive=True).message_count for name in names}


def _on_redis(settings: Settings) -> bool:
    return is_redis(_plain(settings.broker_url))


def _plain(url: str) -> str:
    return url.replace("redis+socket", "unix").replace("virtual_host=", "db=")
