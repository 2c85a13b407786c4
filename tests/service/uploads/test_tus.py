"""Resumable uploads: nothing is lost and nothing is twice, wherever they break off."""

import base64
import hashlib
import http.client
import random
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.deployments.service import Client, Service
from tests.support.tus_client import HEADERS, PIECE, Upload, metadata
from tests.support.videos.big_file import big
from tests.support.waiting import until

SIZE = 3_000_000


@pytest.fixture(autouse=True)
def _nothing_left(service: Service) -> Iterator[None]:
    """Every test of this file ends what it began, and a refusal must leave nothing at all."""
    before = service.settled_files()
    yield
    service.expect_files(before)


@pytest.fixture(scope="session")
def content(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of 3 MB that is not mostly zeros."""
    path = big(sample, tmp_path_factory.mktemp("big") / "big.mp4", SIZE)
    room = len(sample.read_bytes()) + 16
    return path.read_bytes()[:room] + random.Random(3).randbytes(SIZE - room)


@pytest.fixture
def upload(client: Client, content: bytes) -> Upload:
    return Upload(client, content)


def growing(service: Service) -> list[Path]:
    return [service.storage() / name for name in service.stored_files() if ".grow-" in name]


def check(upload: Upload) -> dict[str, object]:
    """It is a video with that content; and it goes again."""
    video: dict[str, object] = upload.client.call("GET", f"/videos/{upload.id}", 200)
    assert video["sha256"] == hashlib.sha256(upload.content).hexdigest()
    assert upload.client.request("GET", f"/videos/{upload.id}/content").content == upload.content
    upload.client.call("DELETE", f"/videos/{upload.id}", 204)
    return video


def test_options_reports_the_protocol_without_a_token(service: Service) -> None:
    answer = Client(service.url).request("OPTIONS", "/uploads")
    assert answer.status_code == 204
    told = {name: answer.headers[f"tus-{name}"] for name in ("version", "resumable", "max-size", "checksum-algorithm")}
    assert told == {
        "version": "1.0.0",
        "resumable": "1.0.0",
        "max-size": "5000000",
        "checksum-algorithm": "sha1,sha256",
    }
    extensions = {"creation", "creation-with-upload", "expiration", "termination", "checksum"}
    assert set(answer.headers["tus-extension"].split(",")) == extensions


def test_complete_upload_equals_a_plain_upload(client: Client, sample: Path, upload: Upload) -> None:
    upload.content = sample.read_bytes()
    facts = {"name": "things", "source": "camera 1", "tags": "a, b", "recorded_at": "2026-01-31T12:00:00+01:00"}
    told = {**facts, "filename": "../x.mp4", "filetype": "video/mp4", "unknown": "Ä"}
    upload.begin(None, **told)
    assert upload.offset() == 0
    assert upload.head().headers["upload-metadata"] == metadata(**told)
    assert client.call("GET", "/videos", 200)["items"] == []
    assert upload.put(0, 1000) == upload.offset() == 1000
    client.problem("GET", f"/videos/{upload.id}", 404, "not_found")
    assert upload.put(1000) == upload.offset() == len(upload.content)
    with sample.open("rb") as file:
        plain = client.call("POST", "/videos", 201, files={"video": ("x", file, "video/mp4")}, data=facts)
    client.call("DELETE", f"/videos/{plain['id']}", 204)
    own = {"id", "created_at", "links"}
    assert {k: v for k, v in check(upload).items() if k not in own} == {k: plain[k] for k in plain if k not in own}
    assert upload.head().status_code == 404, "the video is gone, and the upload with it"


def test_creation_with_upload_stores_the_body(upload: Upload) -> None:
    upload.begin(upload.content[:100])
    assert upload.offset() == 100
    upload.give_up()
    upload.begin(upload.content)
    assert upload.offset() == SIZE
    check(upload)


@pytest.mark.parametrize("along", [True, False])
def test_file_that_is_not_a_video_is_refused_and_removed(client: Client, along: bool) -> None:
    upload = Upload(client, b"This is a text and no video at all. " * 100)
    if along:
        headers = {**PIECE, "Upload-Length": str(len(upload.content))}
        detail = client.problem("POST", "/uploads", 422, "video_refused", headers=headers, content=upload.content)
    else:
        upload.begin()
        headers = {**PIECE, "Upload-Offset": "0"}
        detail = client.problem("PATCH", upload.path, 422, "video_refused", headers=headers, content=upload.content)
        assert upload.head().status_code == 404
    assert "not a video" in detail
    assert client.call("GET", "/videos", 200)["items"] == []


def test_other_protocol_versions_are_refused(upload: Upload) -> None:
    upload.begin()
    for told in ({}, {"Tus-Resumable": "0.2.2"}):
        for method, path in (("POST", "/uploads"), ("PATCH", upload.path), ("DELETE", upload.path)):
            headers = {"Upload-Length": "1", **told}
            upload.client.problem(method, path, 412, "unsupported_protocol", headers=headers)
        answer = upload.client.request("HEAD", upload.path, headers=told)
        assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")
    upload.give_up()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "malformed_request"),
        ({"Upload-Length": "-1"}, 400, "malformed_request"),
        ({"Upload-Length": "many"}, 400, "malformed_request"),
        ({"Upload-Defer-Length": "1"}, 400, "malformed_request"),
        ({"Upload-Length": "0"}, 422, "empty_upload"),
        ({"Upload-Length": "5000001"}, 413, "upload_too_large"),
        ({"Upload-Length": "9" * 18}, 413, "upload_too_large"),
        ({"Upload-Length": "1", "Upload-Metadata": "name !"}, 400, "malformed_request"),
        ({"Upload-Length": "1", "Upload-Metadata": "name gA=="}, 400, "malformed_request"),
        ({"Upload-Length": "1", "Upload-Metadata": "name eA==,name eA=="}, 400, "malformed_request"),
        ({"Upload-Length": "1", "Upload-Metadata": metadata(recorded_at="yesterday")}, 422, "invalid_input"),
        ({"Upload-Length": "1", "Upload-Metadata": "recorded_at ,name eA=="}, 422, "invalid_input"),
        ({"Upload-Length": "1", "Upload-Metadata": metadata(source="x" * 256)}, 422, "invalid_input"),
        ({"Upload-Length": "1", "Upload-Metadata": metadata(filename="a\x00b")}, 422, "invalid_input"),
    ],
    ids=str,
)
def test_invalid_creation_is_refused(client: Client, headers: dict[str, str], status: int, code: str) -> None:
    client.problem("POST", "/uploads", status, code, headers={**HEADERS, **headers})


def test_patch_with_a_wrong_offset_is_refused_and_changes_nothing(upload: Upload) -> None:
    upload.begin()
    upload.put(0, 1000)
    client, path, piece = upload.client, upload.path, upload.content[1000:2000]
    for told in ("0", "999", "1001", str(SIZE)):
        headers = {**PIECE, "Upload-Offset": told}
        assert "1000" in client.problem("PATCH", path, 409, "wrong_offset", headers=headers, content=piece)
    headers = {**PIECE, "Upload-Offset": "1000"}
    client.problem("PATCH", path, 400, "malformed_request", headers=PIECE, content=piece)
    other = {**headers, "Content-Type": "application/octet-stream"}
    client.problem("PATCH", path, 415, "unsupported_media_type", headers=other, content=piece)
    client.problem("PATCH", path, 413, "upload_too_large", headers=headers, content=bytes(SIZE))
    assert upload.offset() == 1000
    pieces = iter([upload.content[1000:], b"x"])  # without a length
    client.problem("PATCH", path, 413, "upload_too_large", headers=headers, content=pieces)
    upload.put(upload.offset())
    check(upload)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_data_with_a_wrong_checksum_is_not_stored(upload: Upload, algorithm: str) -> None:
    upload.begin()

    def checksum(data: bytes) -> str:
        return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"

    assert upload.patch(0, 1000, Upload_Checksum=checksum(upload.content[:1000])).status_code == 204
    answer = upload.patch(1000, 2000, Upload_Checksum=checksum(b"other"))
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    for wrong in ("md5 AAAA", f"{algorithm} !"):
        assert upload.patch(1000, 2000, Upload_Checksum=wrong).status_code == 400
    assert upload.offset() == 1000
    assert upload.patch(1000, Upload_Checksum=checksum(upload.content[1000:])).status_code == 204
    check(upload)


def test_uploads_of_other_users_return_404(service: Service, upload: Upload) -> None:
    upload.begin()
    other = Upload(service.client(), upload.content)
    other.path = upload.path
    assert other.head().status_code == 404
    other.client.problem("DELETE", upload.path, 404, "not_found", headers=HEADERS)
    headers = {**PIECE, "Upload-Offset": "0"}
    other.client.problem("PATCH", upload.path, 404, "not_found", headers=headers, content=b"x")
    assert upload.offset() == 0
    upload.give_up()
    assert upload.head().status_code == 404


def test_data_before_a_broken_connection_is_kept(service: Service, upload: Upload) -> None:
    upload.begin()
    with upload.open(service.port, 0) as connection:
        connection.sendall(upload.content[:1_234_567])
        until(lambda: sum(path.stat().st_size for path in growing(service)) > 1_000_000)
        time.sleep(0.5)  # the rest of it too is with the service, if not yet on disk
    assert upload.offset() == 1_234_567
    upload.put(1_234_567)
    check(upload)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(0, SIZE - 1), max_size=6), breaks=st.booleans())
def test_content_is_the_same_wherever_the_connection_breaks(
    service: Service, upload: Upload, stops: list[int], breaks: bool
) -> None:
    upload.begin()
    offset = 0
    for stop in sorted(stops):
        if breaks:
            upload.cut(service.port, offset, stop)
            before, offset = offset, upload.offset()
            assert before <= offset <= stop
        else:
            assert upload.put(offset, stop) == stop
            offset = stop
    assert upload.go_on(offset) == SIZE
    check(upload)


def test_upload_with_progress_keeps_its_lock(service: Service, upload: Upload) -> None:
    upload.begin()
    sent = 1000
    with upload.open(service.port, 0) as connection:
        connection.sendall(upload.content[:sent])
        until(lambda: growing(service))  # it has the turn
        second = upload.open(service.port, 0)
        second.settimeout(0.05)
        answer = b""
        while not answer:
            connection.sendall(upload.content[sent : sent + 1000])
            sent += 1000
            try:
                answer = second.recv(65536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 423"), answer
        second.close()
        connection.sendall(upload.content[sent:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")
    check(upload)


def test_stalled_upload_yields_its_lock(service: Service, upload: Upload) -> None:
    """As after a change of networks: the service has not noticed that its client is gone."""
    upload.begin()
    with upload.open(service.port, 0) as dead:
        dead.sendall(upload.content[:700_001])
        until(lambda: growing(service))
        time.sleep(0.5)
        assert upload.offset() == 700_001
        upload.put(700_001)
        assert dead.recv(65536).startswith(b"HTTP/1.1 400")
    check(upload)


def test_completed_upload_accepts_no_more_data(upload: Upload) -> None:
    upload.begin()
    upload.put(0)
    client, path = upload.client, upload.path
    assert upload.patch(SIZE).status_code == 204, "the last answer was lost, and its request is repeated"
    client.problem("PATCH", path, 409, "wrong_offset", headers={**PIECE, "Upload-Offset": "0"}, content=b"x")
    assert "delete the video" in client.problem("DELETE", path, 404, "not_found", headers=HEADERS)
    check(upload)


def test_method_override_header_is_supported(service: Service, upload: Upload) -> None:
    upload.begin()
    headers = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert upload.client.http.post(upload.path, headers=headers, content=upload.content[:10]).status_code == 204
    assert upload.offset() == 10
    answer = upload.client.http.post(upload.path, headers={**HEADERS, "X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 204
    assert upload.head().status_code == 404


def test_body_longer_than_the_rest_is_refused_before_it_is_read(service: Service, upload: Upload) -> None:
    upload.begin()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection.putrequest("PATCH", upload.path)
    for name, value in {**PIECE, "Upload-Offset": "0", "Content-Length": str(10**12)}.items():
        connection.putheader(name, value)
    connection.putheader("Authorization", upload.client.http.headers["Authorization"])
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    upload.give_up()


def test_each_patch_extends_the_expiry(upload: Upload) -> None:
    upload.begin()
    answer = upload.patch(0, 10)
    left = parsedate_to_datetime(answer.headers["upload-expires"]).timestamp() - time.time()
    assert 23.9 * 3600 < left <= 24 * 3600
    assert upload.head().headers["upload-expires"] == answer.headers["upload-expires"]
    upload.give_up()
    until(lambda: upload.head().status_code == 404)
