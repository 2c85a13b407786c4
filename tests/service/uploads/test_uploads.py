"""What is uploaded, and what is refused: with a clear problem, and nothing left behind."""

import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Video
from tests.support.deployments.service import Client, Service
from tests.support.videos.cases import FOLDER
from tests.support.waiting import until

OPTIONS_REFUSED = [
    ({"min_score": 1.5}, "min_score"),
    ({"min_score": "high"}, "min_score"),
    ({"labels": []}, "labels"),
    ({"labels": ["person", "unicorn"]}, "unicorn"),
    ({"labels": "person"}, "labels"),
    ({"sampling": 5}, "sampling"),
]


@pytest.fixture(autouse=True)
def _nothing_left(service: Service) -> Iterator[None]:
    """Every test of this file deletes what it stored, and a refusal must leave nothing at all."""
    before = service.settled_files()
    yield
    service.expect_files(before)


def test_an_upload_is_stored_hashed_and_described(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        form = {"name": "things", "source": "camera 1", "tags": "a, b", "recorded_at": "2026-01-31T12:00:00+01:00"}
        video = client.call("POST", "/videos", 201, files={"video": ("../../etc/x.mp4", file)}, data=form)
    content = sample.read_bytes()
    assert video["size_bytes"] == len(content)
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    assert (video["name"], video["source"], video["tags"]) == ("things", "camera 1", ["a", "b"])
    assert video["recorded_at"] == "2026-01-31T11:00:00Z"
    with av.open(str(sample)) as container:
        stream = container.streams.video[0]
        assert video["media"]["frames"] == stream.frames
        assert (video["media"]["width"], video["media"]["height"]) == (stream.width, stream.height)
        assert video["media"]["codec"] == "h264"
        assert video["media"]["container"] == "mp4"
        assert video["media"]["fps"] == pytest.approx(float(stream.average_rate or 0))
        assert not video["media"]["variable_fps"]
    now = client.call("GET", f"/videos/{video['id']}", 200)
    now["links"]["poster"] = video["links"]["poster"]  # which may be there by now
    assert now == video
    assert client.request("GET", f"/videos/{video['id']}/content").content == content
    assert [item["id"] for item in client.call("GET", "/videos", 200)["items"]] == [video["id"]]
    client.call("DELETE", f"/videos/{video['id']}", 204)
    client.problem("GET", f"/videos/{video['id']}", 404, "not_found")


def test_a_raw_body_is_an_upload_too(client: Client, sample: Path) -> None:
    headers = {"Content-Type": "video/mp4"}
    video = client.call("POST", "/videos", 201, content=sample.read_bytes(), headers=headers, params={"name": "raw"})
    assert (video["name"], video["content_type"]) == ("raw", "video/mp4")
    client.call("DELETE", f"/videos/{video['id']}", 204)


def test_chunked_body_is_stored_completely(client: Client, sample: Path) -> None:
    content = sample.read_bytes()
    pieces = (content[i : i + 10_000] for i in range(0, len(content), 10_000))
    video = client.call("POST", "/videos", 201, content=pieces, headers={"Content-Type": "video/mp4"})
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    client.call("DELETE", f"/videos/{video['id']}", 204)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "empty_upload", "empty"),
        (b"This is a text and no video at all. " * 100, "video_refused", "not a video that can be read: send"),
        (b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n", "video_refused", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "video_refused", "playlist"),
    ],
    ids=["empty", "text", "playlist", "concat"],
)
def test_file_that_is_not_a_video_is_refused(client: Client, content: bytes, code: str, says: str) -> None:
    assert says in client.problem("POST", "/videos", 422, code, files={"video": ("x.mp4", content)})
    assert says in client.problem("POST", "/detect", 422, code, files={"video": ("x.mp4", content)})
    headers = {"Content-Type": "video/mp4"}
    assert says in client.problem("POST", "/videos", 422, code, content=content, headers=headers)
    assert client.call("GET", "/videos", 200)["items"] == []
    assert client.call("GET", "/jobs", 200)["items"] == []


def test_audio_without_video_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    detail = client.problem("POST", "/videos", 422, "video_refused", files={"video": path.read_bytes()})
    assert "only sound" in detail


def test_a_video_without_a_decodable_frame_is_refused(client: Client, sample: Path) -> None:
    """The index is whole; the pictures are noise."""
    content = bytearray(sample.read_bytes())
    start = content.index(b"mdat") + 4
    size = int.from_bytes(content[start - 8 : start - 4], "big") - 8
    content[start : start + size] = bytes(size)
    detail = client.problem("POST", "/videos", 422, "video_refused", files={"video": bytes(content)})
    assert "no frame" in detail


def test_over_the_size_limit_is_refused(client: Client) -> None:
    content = bytes(5_000_001)
    for options in ({"content": content}, {"content": (content[i : i + 65536] for i in range(0, len(content), 65536))}):
        headers = {"Content-Type": "video/mp4"}
        assert "5000000" in client.problem("POST", "/videos", 413, "upload_too_large", headers=headers, **options)
    client.problem("POST", "/videos", 413, "upload_too_large", files={"video": content})


def test_a_length_over_the_limit_is_refused_before_the_body(service: Service, client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection.putrequest("POST", "/api/v1/videos")
    connection.putheader("Authorization", client.http.headers["Authorization"])
    connection.putheader("Content-Type", "video/mp4")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()  # without a byte of the body
    assert answer.status == 413
    assert json.loads(answer.read())["code"] == "upload_too_large"
    connection.close()


def test_broken_connection_leaves_nothing(service: Service, client: Client, sample: Path) -> None:
    content = sample.read_bytes()
    head = (
        f"POST /api/v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {client.http.headers['Authorization']}\r\n"
        f"Content-Type: video/mp4\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(head.encode() + content[: len(content) // 2])
        until(lambda: any("part" in name for name in service.stored_files()))
    until(lambda: not any("part" in name for name in service.stored_files()))
    assert client.call("GET", "/videos", 200)["items"] == []


def test_malformed_forms_are_refused(client: Client) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    cases = {
        b'--b\r\nContent-Disposition: form-data; name="video"; filename="x"\r\n\r\nabc': "truncated",
        b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nabc\r\n--b--\r\n': "no file in the field 'video'",
        b"nothing of a form": "the form is invalid",
    }
    for content, says in cases.items():
        assert says in client.problem("POST", "/videos", 400, "malformed_request", content=content, headers=form)
    bare = {"Content-Type": "multipart/form-data"}
    assert "boundary" in client.problem("POST", "/videos", 400, "malformed_request", content=b"x", headers=bare)


@pytest.mark.parametrize(("options", "says"), OPTIONS_REFUSED)
def test_wrong_options_are_refused(client: Client, sample: Path, options: dict[str, object], says: str) -> None:
    video = client.upload(sample)
    body = {"video_id": video["id"], "options": options}
    problem = client.request("POST", "/jobs", json=body)
    assert problem.status_code == 422
    assert says in problem.json()["detail"]
    assert problem.json()["code"] in ("invalid_options", "invalid_input")
    client.call("DELETE", f"/videos/{video['id']}", 204)
    with sample.open("rb") as file:
        refused = {"video": file}
        assert says in client.problem(
            "POST", "/detect", 422, "invalid_options", files=refused, data={"options": json.dumps(options)}
        )
    assert client.call("GET", "/jobs", 200)["items"] == []


def test_an_unknown_model_is_answered_with_the_known_ones(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        detail = client.problem(
            "POST", "/detect", 422, "unknown_model", files={"video": file}, data={"options": '{"model": "nonesuch"}'}
        )
    known = [model["id"] for model in client.call("GET", "/models", 200)["items"]]
    assert known
    assert all(name in detail for name in known)


def test_videos_of_other_users_return_404(service: Service, client: Client, sample: Path) -> None:
    video = client.upload(sample)
    job = client.start(video)
    other = service.client()
    for method, path in (
        ("GET", f"/videos/{video['id']}"),
        ("GET", f"/videos/{video['id']}/content"),
        ("DELETE", f"/videos/{video['id']}"),
        ("GET", f"/jobs/{job['id']}"),
        ("GET", f"/jobs/{job['id']}/results"),
        ("GET", f"/jobs/{job['id']}/summary"),
        ("POST", f"/jobs/{job['id']}/cancel"),
        ("DELETE", f"/jobs/{job['id']}"),
    ):
        other.problem(method, path, 404, "not_found")
    other.problem("POST", "/jobs", 404, "not_found", json={"video_id": video["id"]})
    assert other.call("GET", "/videos", 200)["items"] == []
    assert other.call("GET", "/jobs", 200)["items"] == []
    client.wait(job)
    client.call("DELETE", f"/videos/{video['id']}", 204)


def test_video_with_a_running_job_is_not_deleted(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    job = client.start(video)
    response = client.request("DELETE", f"/videos/{video['id']}")
    if client.job(job)["finished_at"] is None:
        assert response.status_code == 409
        assert response.json()["code"] == "jobs_running"
    client.wait(job)
    client.request("DELETE", f"/videos/{video['id']}")
    client.problem("GET", f"/jobs/{job['id']}", 404, "not_found")


def test_lists_are_paginated_by_cursor(client: Client, sample: Path) -> None:
    videos = [client.upload(sample)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = client.call("GET", "/videos", 200, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        assert len(page["items"]) <= 2
        seen += [video["id"] for video in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == videos[::-1]
    client.problem("GET", "/videos", 422, "invalid_cursor", params={"cursor": "yesterday"})
    for video in videos:
        client.call("DELETE", f"/videos/{video}", 204)


def test_served_content_type_is_a_video_type_or_generic(service: Service, client: Client, sample: Path) -> None:
    for told, kept in (
        ("video/mp4", "video/mp4"),
        ("text/html", None),
        ("video/svg+xml", None),
        ("video/mp4\x0bX: 1", None),
        ("VIDEO/X-M4V; a=b", "video/x-m4v"),
    ):
        part = f'--b\r\nContent-Disposition: form-data; name="video"; filename="x"\r\nContent-Type: {told}\r\n\r\n'
        body = part.encode() + sample.read_bytes() + b"\r\n--b--\r\n"
        video = client.call(
            "POST", "/videos", 201, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        served = client.request("GET", f"/videos/{video['id']}/content")
        assert served.headers["content-type"] == (kept or "application/octet-stream")
        engine = open_database(service.settings().database_url)  # as an earlier release may have stored it
        with Session(engine) as session, session.begin():
            session.execute(update(Video).where(Video.id == video["id"]).values(content_type="video/svg+xml"))
        engine.dispose()
        served = client.request("GET", f"/videos/{video['id']}/content")
        assert served.headers["content-type"] == "application/octet-stream"
        client.call("DELETE", f"/videos/{video['id']}", 204)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0621-11-15T20:24:31.9-04:41", "0621-11-16T01:05:31.900000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times_of_every_year_are_kept(client: Client, sample: Path, told: str, kept: str) -> None:
    raw = {"content": sample.read_bytes(), "headers": {"Content-Type": "video/mp4"}}
    video = client.call("POST", "/videos", 201, params={"recorded_at": told}, **raw)
    assert video["recorded_at"] == kept
    assert client.call("GET", f"/videos/{video['id']}", 200) == video
    client.call("DELETE", f"/videos/{video['id']}", 204)


@pytest.mark.parametrize(
    "facts",
    [
        {"recorded_at": "yesterday"},
        {"recorded_at": "0001-01-01T00:00:00+10:00"},
        {"name": "a\x00b"},
        {"tags": "x" * 300},
        {"source": "x" * 256},
    ],
    ids=str,
)
def test_invalid_metadata_is_refused(client: Client, sample: Path, facts: dict[str, str]) -> None:
    """In a form, in the address of whatever body, and also where the form says better."""
    with sample.open("rb") as file:
        for path in ("/videos", "/detect"):
            client.problem("POST", path, 422, "invalid_input", files={"video": file}, data=facts)
        better = {"name": "n", "source": "s", "tags": "t", "recorded_at": "2026-01-31T12:00:00Z"}
        for data in ({}, better):
            client.problem("POST", "/videos", 422, "invalid_input", files={"video": file}, data=data, params=facts)
    raw = {"content": sample.read_bytes(), "headers": {"Content-Type": "video/mp4"}}
    client.problem("POST", "/videos", 422, "invalid_input", params=facts, **raw)
    client.problem(
        "POST",
        "/videos",
        422,
        "invalid_input",
        params=facts,
        json={"url": "https://8.8.8.8/x", **better, "tags": ["t"]},
    )


def test_a_stream_without_times_is_read_at_the_rate_that_is_sent(client: Client) -> None:
    stream = FOLDER / "pictures/raw.h264"
    raw = {"content": stream.read_bytes(), "headers": {"Content-Type": "application/octet-stream"}}
    video = client.call("POST", "/videos", 201, params={"fps": "12.5"}, **raw)
    media = video["media"]
    assert (media["container"], media["fps"], media["fps_source"]) == ("h264", 12.5, "request")
    assert media["duration_ms"] == 3840.0
    job = client.wait(client.start(video, options={"start_ms": 3000, "end_ms": 3200}))
    assert [(frame["frame"], frame["time_ms"]) for frame in client.frames(job)] == [(38, 3040.0), (39, 3120.0)]
    client.call("DELETE", f"/videos/{video['id']}", 204)
    client.problem("POST", "/videos", 422, "invalid_input", params={"fps": "0"}, **raw)


def test_empty_form_field_is_ignored_and_empty_query_time_is_refused(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        empty = {"name": "", "source": "", "tags": "", "recorded_at": ""}
        video = client.call("POST", "/videos", 201, files={"video": ("x.mp4", file)}, data=empty)
    assert (video["name"], video["source"], video["tags"], video["recorded_at"]) == ("x.mp4", None, [], None)
    client.call("DELETE", f"/videos/{video['id']}", 204)
    raw = {"content": sample.read_bytes(), "headers": {"Content-Type": "video/mp4"}}
    says = client.problem("POST", "/videos", 422, "invalid_input", params={"recorded_at": ""}, **raw)
    assert says.startswith("recorded_at is not a valid time")


def test_query_parameters_are_defaults_for_form_fields(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        said = {"params": {"name": "there", "source": "camera 1"}, "data": {"name": "here"}}
        video = client.call("POST", "/videos", 201, files={"video": file}, **said)
    assert (video["name"], video["source"]) == ("here", "camera 1")
    client.call("DELETE", f"/videos/{video['id']}", 204)


def test_a_body_of_another_type_is_refused(client: Client, sample: Path) -> None:
    content = sample.read_bytes()
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind}
        client.problem("POST", "/detect", 415, "unsupported_media_type", content=content, headers=headers)
        if kind != "application/json":  # a document may name a url
            client.problem("POST", "/videos", 415, "unsupported_media_type", content=content, headers=headers)
    headers = {"Content-Type": "application/json"}
    client.problem("POST", "/videos", 413, "upload_too_large", content=content, headers=headers)
    client.problem("POST", "/videos", 400, "malformed_request", content=content[:1000], headers=headers)


def test_options_nested_too_deeply_are_refused(client: Client, sample: Path) -> None:
    with sample.open("rb") as file:
        data = {"options": "[" * 100_000}
        client.problem("POST", "/detect", 422, "invalid_options", files={"video": file}, data=data)


def test_upload_does_not_wait_longer_than_probe_wait_seconds(service: Service, client: Client, sample: Path) -> None:
    with service.held(r"processor\.worker"):
        video = client.upload(sample)
        assert video["media"] is None
    until(lambda: client.call("GET", f"/videos/{video['id']}", 200)["media"] is not None)
    client.call("DELETE", f"/videos/{video['id']}", 204)
