"""`web-detector import s3://bucket/prefix`: what is taken from a bucket, with a service that notes what it is given."""

import hashlib
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.client import import_command
from cli.client.import_places import place
from cli.main import main
from contracts.storage import s3_bucket
from contracts.storage.s3_bucket import S3Bucket
from tests.support.servers.s3 import ACCESS_KEY, SECRET_KEY, Bucket
from web_detector import ServiceError
from web_detector.types import Model

pytestmark = pytest.mark.distributed


class Service:
    """Notes uploads: content, and what was said of it. Refuses what is no video."""

    def __init__(self) -> None:
        self.given: list[tuple[bytes, dict[str, Any]]] = []
        self.started: list[str] = []

    def videos(self) -> Iterator[SimpleNamespace]:
        for number, (content, _) in enumerate(self.given):
            yield SimpleNamespace(id=str(number), sha256=hashlib.sha256(content).hexdigest())

    def video(self, video_id: str) -> SimpleNamespace:
        if int(video_id) >= len(self.given):
            raise ServiceError("there is no such video", 404)
        return SimpleNamespace(id=video_id)

    def models(self) -> list[Model]:
        return []

    def upload(self, path: Path, **said: Any) -> SimpleNamespace:
        content = path.read_bytes()
        if content == b"broken":
            raise ServiceError("the file is no video", 422)
        self.given.append((content, {name: value for name, value in said.items() if name != "progress"}))
        return SimpleNamespace(id=str(len(self.given) - 1))

    def jobs(self, video_id: str) -> Iterator[str]:
        return (job for job in self.started if job == video_id)

    def detect(self, video_id: str, _model: str | None, **_: Any) -> None:
        self.started.append(video_id)

    def close(self) -> None: ...


@pytest.fixture
def service(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Service:
    made = Service()
    monkeypatch.setattr(import_command, "Client", lambda *_, **__: made)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environ = {"WEB_DETECTOR_URL": "http://127.0.0.1:9", "WEB_DETECTOR_USER": "u", "WEB_DETECTOR_PASSWORD": "p"}
    environ |= {"S3_ENDPOINT_URL": bucket.store.url, "S3_ACCESS_KEY_ID": ACCESS_KEY, "S3_SECRET_ACCESS_KEY": SECRET_KEY}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return made


def put(bucket: Bucket, key: str, content: bytes, **more: Any) -> None:
    bucket.store.client.put_object(Bucket=bucket.name, Key=key, Body=content, **more)


def test_the_videos_below_a_prefix_are_taken_once(
    bucket: Bucket, service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bucket, "2026/top_2026-07-09_14-30-05.mp4", b"top")
    put(bucket, "2026/door/again.mp4", b"door")
    put(bucket, "2026/door/cam_2026-07-09_14-30-05.mkv", b"door")
    for key in ("2026/notes.txt", "2026/.trash/gone.mp4", "2026/door/.part.mp4", "20266/other.mp4", "2026/door/"):
        put(bucket, key, b"no business of the command")
    put(bucket, "2026/broken.mp4", b"broken")
    put(bucket, "2026/old.mp4", b"old", StorageClass="GLACIER")
    arguments = ["import", f"s3://{bucket.name}/2026/", "--tag", "archive", "--timezone", "UTC"]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert "2 imported, 1 were there already, 2 refused" in told.out
    output = "".join((told.out + told.err).split())
    assert f"s3://{bucket.name}/2026/broken.mp4:thefileisnovideo" in output
    assert f"s3://{bucket.name}/2026/old.mp4:itisarchived:restoreitfirst" in output
    [door, top] = sorted(service.given, key=lambda item: item[0])
    assert (door[0], door[1]["source"], door[1]["name"]) == (b"door", "door", "again.mp4")
    recorded = datetime(2026, 7, 9, 14, 30, 5, tzinfo=UTC)
    said = {"name": "top_2026-07-09_14-30-05.mp4", "source": "", "tags": ["archive"], "recorded_at": recorded}
    assert top == (b"top", said)
    assert sorted(service.started) == ["0", "1"]
    assert list(tmp_path.iterdir()) == [], "nothing is left"
    for key in ("2026/broken.mp4", "2026/old.mp4"):
        bucket.store.client.delete_object(Bucket=bucket.name, Key=key)
    assert main([*arguments, "--file-time"]) == 0
    assert "0 imported, 3 were there already, 0 refused" in capsys.readouterr().out


def test_a_whole_bucket_is_taken_and_large_objects_in_pieces(
    bucket: Bucket, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_bucket, "_PIECE_BYTES", 1000)
    content = bytes(range(256)) * 10
    put(bucket, "a/b/long.mp4", content)
    put(bucket, "empty.mp4", b"")
    assert main(["import", f"s3://{bucket.name}", "--no-detect", "--file-time"]) == 0
    assert sorted(given for given, _ in service.given) == [b"", content]
    assert [said["source"] for given, said in service.given if given] == ["b"]
    assert all((datetime.now(UTC) - said["recorded_at"]).total_seconds() < 3600 for _, said in service.given)
    assert service.started == []


def test_objects_that_cannot_be_read_are_named_and_stop_nothing(
    bucket: Bucket, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gone, replaced meanwhile, and archived."""
    for key in ("gone.mp4", "other.mp4", "replaced.mp4"):
        put(bucket, key, key.encode())
    put(bucket, "archived.mp4", b"archived", StorageClass="DEEP_ARCHIVE")
    copy = S3Bucket.copy

    def late(self: S3Bucket, item: Any, sink: Any) -> None:
        if item.key == "gone.mp4":
            bucket.store.client.delete_object(Bucket=bucket.name, Key=item.key)
        if item.key == "replaced.mp4":
            put(bucket, item.key, b"another")
        copy(self, item, sink)

    monkeypatch.setattr(S3Bucket, "copy", late)
    assert main(["import", f"s3://{bucket.name}"]) == 1
    told = capsys.readouterr()
    assert "1 imported, 0 were there already, 3 refused" in told.out
    assert [content for content, _ in service.given] == [b"other.mp4"]
    output = "".join((told.out + told.err).split())
    for name, reason in (("archived", "itisarchived:restoreitfirst"), ("replaced", "itwasreplacedwhileitwasread")):
        assert f"s3://{bucket.name}/{name}.mp4:{reason}" in output


def test_an_archived_object_that_was_restored_is_taken(bucket: Bucket, service: Service) -> None:
    """The list goes on to say that it is archived."""
    put(bucket, "old.mp4", b"old", StorageClass="GLACIER")
    bucket.store.client.restore_object(Bucket=bucket.name, Key="old.mp4", RestoreRequest={"Days": 1})
    [listed] = bucket.store.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert listed["StorageClass"] == "GLACIER"
    assert main(["import", f"s3://{bucket.name}"]) == 0
    assert [content for content, _ in service.given] == [b"old"]


class Refusals:
    """Refuses to read some objects, in front of a bucket's store. reads: how often each was asked for."""

    def __init__(self, store: str, refused: dict[str, str]) -> None:
        self._store, self._refused = store, refused
        self.reads: Counter[str] = Counter()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        refusals = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.partition("?")[0].rpartition("/")[2]
                refusals.reads[name] += 1
                if code := refusals._refused.get(name):
                    return self._answer(403, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), {})
                headers = {name: value for name, value in self.headers.items() if name != "Host"}
                with urllib.request.urlopen(
                    urllib.request.Request(refusals._store + self.path, headers=headers)
                ) as got:
                    return self._answer(got.status, got.read(), {"ETag": got.headers.get("ETag", "")})

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def test_an_object_that_the_store_refuses_stops_nothing_nor_what_comes_later(
    bucket: Bucket, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bucket, "a.mp4", b"a")
    put(bucket, "b.mp4", b"b")
    steps = 0

    def step(_: float) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            put(bucket, "c.mp4", b"c")
        if steps == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)
    refusals = Refusals(bucket.store.url, {"a.mp4": "AccessDenied"})
    with refusals.serving() as url:
        monkeypatch.setenv("S3_ENDPOINT_URL", url)
        assert main(["import", f"s3://{bucket.name}", "--watch"]) == 130
        assert [content for content, _ in service.given] == [b"b", b"c"]
        assert refusals.reads["a.mp4"] == 1
    assert "refusestoreadit:AccessDenied" in "".join(capsys.readouterr().out.split())


def test_keys_that_are_refused_end_the_import(
    bucket: Bucket, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bucket, "a.mp4", b"a")
    put(bucket, "b.mp4", b"b")
    with Refusals(bucket.store.url, {"a.mp4": "InvalidAccessKeyId"}).serving() as url:
        monkeypatch.setenv("S3_ENDPOINT_URL", url)
        assert main(["import", f"s3://{bucket.name}"]) == 1
    assert "InvalidAccessKeyId" in capsys.readouterr().err
    assert service.given == []


def test_a_watched_bucket_goes_on_with_what_comes(
    bucket: Bucket, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "first.mp4", b"first")
    steps = 0

    def step(_: float) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            put(bucket, "second.mp4", b"second")
        if steps == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)
    assert main(["import", f"s3://{bucket.name}", "--watch"]) == 130
    assert [given for given, _ in service.given] == [b"first", b"second"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3://", "names no bucket"),
        ("s3://{bucket}/nothing", "there is no video in s3://"),
        ("s3://no-such-bucket", "NoSuchBucket"),
    ],
)
def test_what_cannot_be_imported_is_told(
    bucket: Bucket, service: Service, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    assert main(["import", text.format(bucket=bucket.name)]) == 1
    assert told in capsys.readouterr().err
    assert service.given == []


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    assert str(place(str(tmp_path), {})) == str(tmp_path)
