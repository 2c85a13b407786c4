"""The whole service on an object store: no role has a folder with another, and the results are the same bytes."""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from contracts.storage.port import result_key
from tests.support.deployments.compose import COMPOSE
from tests.support.deployments.deployment import Deployment, Images
from tests.support.deployments.modes import SECRETS, addresses, compose_secrets
from tests.support.deployments.service import Client
from tests.support.servers.debian import Redis, require
from tests.support.servers.s3 import Bucket, Line, ObjectStore
from tests.support.tus_client import Upload
from tests.support.videos.big_file import big
from tests.support.waiting import until

pytestmark = pytest.mark.distributed

MIB = 1024 * 1024
SETTINGS = {"CHUNK_SIZE": "48", "REAPER_SECONDS": "2", "DETECTOR_THREADS": "1"}


class Apart(Deployment):
    """Its detectors have no folder, and reach the object store over a line of their own."""

    line: Line
    bucket: Bucket

    def environment(self, service: str, name: str) -> dict[str, str]:
        environ = super().environment(service, name)
        if service == "detector":
            environ |= {"S3_ENDPOINT_URL": self.line.url, "DATA_DIR": "/nonexistent"}
        return environ

    def result_bytes(self, job: dict[str, Any]) -> bytes:
        with self.bucket.storage().open(result_key(job["video_id"], job["id"])) as source:
            return source.read()


@pytest.fixture(scope="module")
def deployment(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """Redis as broker and result store, SQLite, an object store, and a detector."""
    require("redis-server", "moto_server", "setpriv")
    folder = tmp_path_factory.mktemp("form")
    with ExitStack() as stack:
        server = stack.enter_context(Redis(COMPOSE.command("redis", SECRETS)[1:]))
        store = stack.enter_context(ObjectStore())
        server.wait()
        bucket = store.wait().bucket()
        line = stack.enter_context(Line(store.port))
        database = f"sqlite:///{folder}/data/web-detector.sqlite"
        links = addresses(broker=server.create(), store=server.create(), database=database)
        running = Apart(COMPOSE, images, folder, {**compose_secrets(), **SETTINGS, **bucket.settings()}, links, 1)
        running.line, running.bucket = line, bucket
        try:
            yield running.start()
            assert running.stop() == 0, running.logs()[-6000:]
        finally:
            running.kill()
        assert not (folder / "data/storage").exists()


@pytest.fixture
def user(deployment: Apart, request: pytest.FixtureRequest) -> Client:
    return deployment.client(f"user-{abs(hash(request.node.name)) % 10**8}")


def test_result_has_the_same_bytes(deployment: Apart, user: Client, sample: Path, expected: bytes) -> None:
    job = user.detect(sample)
    assert job["state"] == "succeeded"
    assert deployment.result_bytes(job) == expected
    frames = user.frames(job)
    with redis.Redis.from_url(deployment.settings().result_store_url) as store:
        store.flushdb()  # from here on, the result file is read
    assert user.frames(job) == frames
    user.call("DELETE", f"/videos/{job['video_id']}", 204)
    nothing_is_left(deployment)


def test_file_is_downloaded_in_ranges(deployment: Apart, user: Client, sample: Path) -> None:
    content, video = sample.read_bytes(), user.upload(sample)
    path = f"/videos/{video['id']}/content"
    assert user.request("GET", path).content == content
    until(lambda: user.call("GET", f"/videos/{video['id']}", 200)["links"]["poster"] is not None)  # it is read for that
    before = len(deployment.bucket.store.requests("GET"))
    middle = len(content) // 2
    answer = user.request("GET", path, headers={"Range": f"bytes={middle}-{middle + 99}"})
    assert (answer.status_code, answer.content) == (206, content[middle : middle + 100])
    assert len(deployment.bucket.store.requests("GET")) - before <= 2
    user.call("DELETE", f"/videos/{video['id']}", 204)


def nothing_is_left(deployment: Apart) -> None:
    """In the bucket, as soon as a poster is given up that was being made of a video deleted meanwhile."""
    until(lambda: (deployment.bucket.keys(), deployment.bucket.uploads()) == ([], []))


def test_refused_upload_leaves_nothing_and_uses_no_memory(deployment: Apart, user: Client) -> None:
    (part,) = deployment.parts_of("api")
    processes = [psutil.Process(part.pid), *psutil.Process(part.pid).children()]

    def upload(mebibytes: int) -> int:
        body = (bytes(MIB) for _ in range(mebibytes))
        user.problem(
            "POST", "/videos", 422, "video_refused", content=body, headers={"Content-Type": "video/mp4"}, timeout=120
        )
        return sum(_peak_kib(process) for process in processes)

    before = upload(1)
    assert upload(200) - before < 64 * 1024
    nothing_is_left(deployment)


def _peak_kib(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_interrupted_upload_leaves_nothing(deployment: Apart, user: Client) -> None:
    head = (
        f"POST /api/v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: video/mp4\r\nContent-Length: {40 * MIB}\r\n"
        f"Authorization: Bearer {user.tokens['access_token']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", deployment.port)) as connection:
        connection.sendall(head.encode() + bytes(20 * MIB))
        until(lambda: deployment.bucket.uploads() != [])
    until(lambda: deployment.bucket.uploads() == [])
    nothing_is_left(deployment)


def test_store_outage_loses_nothing(deployment: Apart, user: Client, sample: Path, expected: bytes) -> None:
    video = user.upload(sample)
    deployment.line.cut()
    try:
        job = user.start(video)
        until(lambda: "is returned to the queue: " in deployment.logs())
        assert user.job(job)["state"] == "running"
    finally:
        deployment.line.mend()
    ended = user.wait(job)
    assert (ended["state"], ended["failed_ranges"]) == ("succeeded", []), json.dumps(ended)
    assert deployment.result_bytes(ended) == expected
    user.call("DELETE", f"/videos/{video['id']}", 204)


def test_resumable_upload_in_the_bucket(deployment: Apart, user: Client, sample: Path, tmp_path: Path) -> None:
    path = big(sample, tmp_path / "big.mp4", 30 * MIB)
    upload = Upload(user, path.read_bytes()).begin()
    with upload.open(deployment.port, 0) as connection:
        connection.sendall(upload.content[: 20 * MIB])
        until(lambda: deployment.bucket.uploads() != [])
    offset = upload.offset()
    assert 8 * MIB <= offset <= 20 * MIB
    assert upload.go_on(offset, 25 * MIB) == 25 * MIB
    assert upload.go_on(25 * MIB) == 30 * MIB
    video = user.call("GET", f"/videos/{upload.id}", 200)
    assert video["sha256"] == hashlib.sha256(upload.content).hexdigest()
    user.call("DELETE", f"/videos/{upload.id}", 204)
    nothing_is_left(deployment)
    upload.begin(upload.content[: 9 * MIB])
    upload.give_up()
    nothing_is_left(deployment)
