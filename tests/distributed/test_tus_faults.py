"""Resumable uploads while the service, its disk or its patience ends."""

import hashlib
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Upload as Row
from contracts.database.tables import utcnow
from contracts.storage.open import open_storage
from contracts.storage.port import video_key
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client, Service
from tests.support.servers.disk import enlarge, small_disk
from tests.support.tus_client import HEADERS, Upload
from tests.support.videos.big_file import big
from tests.support.waiting import until

pytestmark = pytest.mark.long

SIZE = 3_000_000
SETTINGS = {"UPLOAD_UNFINISHED_MAX": 2, "REAPER_SECONDS": 1, "API_WORKERS": 2}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    running = Embedded(tmp_path_factory.mktemp("own") / "data", **SETTINGS).start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _nothing_left(own: Embedded) -> Iterator[None]:
    yield
    until(lambda: own.stored_files() == [])


@pytest.fixture(scope="module")
def content(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return big(full_sample, tmp_path_factory.mktemp("big") / "big.mp4", SIZE).read_bytes()


def check(upload: Upload) -> None:
    video = upload.client.call("GET", f"/videos/{upload.id}", 200)
    assert video["sha256"] == hashlib.sha256(upload.content).hexdigest()
    assert video["media"]["frames"] == 212
    upload.client.call("DELETE", f"/videos/{upload.id}", 204)


def put_to_an_end(service: Service, upload: Upload) -> None:
    """Set the time of an upload to one that is over."""
    engine = open_database(service.settings().database_url)
    with Session(engine) as session, session.begin():
        session.execute(update(Row).where(Row.id == upload.id).values(expires_at=utcnow() - timedelta(seconds=1)))
    engine.dispose()


def test_killed_api_loses_no_stored_byte(own: Embedded, content: bytes) -> None:
    upload = Upload(own.client(), content).begin()
    chance, offset = random.Random(11), 0
    for _ in range(3):
        stop = chance.randrange(offset, SIZE)
        with upload.open(own.port, offset) as connection:
            connection.sendall(content[offset:stop])
            until(lambda: own.stored_files() != [])
            workers = [process for process in own.processes("gunicorn") if not process.children()]
            assert len(workers) == 2, "the processes that answer"
            for process in workers:
                process.kill()
        upload.client = Client(own.url).use(upload.client.tokens)
        before, offset = offset, upload.offset()
        assert before <= offset <= stop
    assert upload.go_on(offset) == SIZE
    check(upload)


def test_upload_completed_just_before_a_kill_becomes_a_video(own: Embedded, content: bytes) -> None:
    upload = Upload(own.client(), content).begin()
    resumable = open_storage(own.settings()).resumable()
    with resumable.append(video_key(upload.id)) as sink:
        sink.write(content)
    assert upload.offset() == SIZE
    check(upload)
    upload.begin()
    with resumable.append(video_key(upload.id)) as sink:
        sink.write(content)
    resumable.finish(video_key(upload.id))  # and the process was killed one step later
    assert upload.put(SIZE) == SIZE
    check(upload)


def test_stalled_upload_expires(own: Embedded, content: bytes) -> None:
    upload, other = (Upload(own.client(), content).begin() for _ in range(2))
    for one in (upload, other):
        one.put(0, 1000)
    put_to_an_end(own, upload)
    assert upload.head().status_code == 404
    until(lambda: len(own.stored_files()) == 1)
    assert other.offset() == 1000
    other.give_up()


def test_active_upload_does_not_expire(own: Embedded, content: bytes) -> None:
    upload, bait = (Upload(own.client(), content).begin() for _ in range(2))
    for one in (upload, bait):
        one.put(0, 1000)
    with upload.open(own.port, 1000) as connection:
        connection.sendall(content[1000:2_000_000])
        until(lambda: any((own.storage() / name).stat().st_size > 1000 for name in own.stored_files()))
        for one in (upload, bait):
            put_to_an_end(own, one)
        until(lambda: len(own.stored_files()) == 1)  # the reaper was here
        connection.sendall(content[2_000_000:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")
    check(upload)


def test_unfinished_uploads_are_limited_per_user(own: Embedded, content: bytes) -> None:
    client = own.client()
    first, second = (Upload(client, content).begin() for _ in range(2))
    headers = {**HEADERS, "Upload-Length": "10"}
    assert "2" in client.problem("POST", "/uploads", 429, "too_many_uploads", headers=headers)
    Upload(own.client(), content).begin().give_up()  # another user may
    first.give_up()
    Upload(client, content).begin().give_up()
    put_to_an_end(own, second)
    for upload in [Upload(client, content).begin() for _ in range(2)]:
        upload.give_up()


def test_upload_resumes_after_a_full_disk(tmp_path: Path, content: bytes) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "1m"):
        service = Embedded(tmp_path / "data", STORAGE_DIR=disk / "storage").start()
        try:
            upload = Upload(service.client(), content).begin()
            for start in (0, 1024 * 1024):
                answer = upload.patch(start)
                assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
                assert upload.offset() == 1024 * 1024
            enlarge(disk, "8m")
            assert upload.put(1024 * 1024) == SIZE
            check(upload)
        finally:
            service.stop()
