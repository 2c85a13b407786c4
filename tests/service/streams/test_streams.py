"""The registry of live streams over HTTP: rows, what is published of them, and what users see."""

import io
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image

from contracts.live import keys, presence
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import Reason, RecordingOptions, StreamOptions, StreamState
from tests.support.deployments.service import Client, Service

# Hosts of a name that does not exist, so that no ingest ever connects.
CAMERA = {"kind": "rtsp", "url": "rtsp://me:p%40ss-word@camera.invalid:8554/a?channel=1&pwd=p%40ss-word"}
SHOWN = "rtsp://camera.invalid:8554/a?channel=1&pwd=***"


@pytest.fixture
def server(service: Service) -> "redis.Redis":
    return redis.Redis.from_url(service.settings().coordination_url)


def add(client: Client, **body: Any) -> Any:
    return client.call("POST", "/streams", 201, json=body or {"kind": "push"})


def get(client: Client, stream: dict[str, Any]) -> Any:
    return client.call("GET", f"/streams/{stream['id']}", 200)


def test_a_camera_is_added_published_and_shown_without_its_password(client: Client, server: "redis.Redis") -> None:
    wanted = {"options": {"min_score": 0.5, "max_fps": 5}, "record": {"minutes": 1}}
    response = client.request("POST", "/streams", json={**CAMERA, **wanted})
    made = response.json()
    assert (response.status_code, response.headers["location"]) == (201, made["links"]["self"])
    assert (made["state"], made["wanted"], made["url"], made["name"]) == (
        "connecting",
        "running",
        SHOWN,
        "camera.invalid",
    )
    assert made["options"] == {"min_score": 0.5, "labels": None, "region": None, "max_fps": 5}
    assert made["record"] == {"minutes": 1, "keep_days": None, "keep_bytes": None}
    spec = StreamRegistry(server).read()[made["id"]]
    assert (spec.kind, spec.wanted, spec.revision, spec.model) == ("rtsp", "running", 1, made["model"])
    assert (spec.options, spec.record) == (StreamOptions(min_score=0.5, max_fps=5), RecordingOptions(minutes=1))
    assert StreamRegistry(server).sealed_address(made["id"])
    for text in (
        response.text,
        client.request("GET", "/streams").text,
        client.request("GET", made["links"]["self"]).text,
    ):
        assert "ss-word" not in text
    assert all(b"ss-word" not in value for value in (*server.hvals(keys.SPECS), *server.hvals(keys.ADDRESSES)))


def test_each_change_is_published_with_a_new_revision(client: Client, server: "redis.Redis") -> None:
    made, registry = add(client, **CAMERA), StreamRegistry(server)
    path, sealed = f"/streams/{made['id']}", registry.sealed_address(made["id"])

    def change(**body: Any) -> Any:
        shown = client.call("PATCH", path, 200, json=body)
        return shown, registry.read()[made["id"]]

    shown, spec = change(name="front door")
    assert (shown["name"], spec.revision) == ("front door", 1)  # ingest and detectors know no name
    shown, spec = change(options={"labels": ["person"], "region": [0, 0, 0.5, 1]})
    assert (spec.revision, spec.options.labels, spec.options.region) == (2, ("person",), (0, 0, 0.5, 1))
    shown, spec = change(record={})
    assert (spec.revision, spec.record) == (3, RecordingOptions())
    shown, spec = change(record=None)
    assert (spec.revision, spec.record) == (4, None)
    shown, spec = change(url=SHOWN)  # as it is shown: the password stays
    assert (spec.revision, registry.sealed_address(made["id"])) == (4, sealed)
    shown, spec = change(url="rtsp://camera.invalid/b")
    assert (shown["url"], spec.revision) == ("rtsp://camera.invalid/b", 5)
    assert registry.sealed_address(made["id"]) != sealed
    assert change(url="rtsp://camera.invalid/b", name="front door")[1].revision == 5  # nothing new


def test_stop_and_start_of_a_stream_that_never_connected(client: Client, server: "redis.Redis") -> None:
    made, registry = add(client, **CAMERA), StreamRegistry(server)
    stopped = client.call("POST", f"/streams/{made['id']}/stop", 202)
    assert (stopped["state"], stopped["wanted"], stopped["reason"]) == ("stopped", "stopped", None)
    assert registry.read()[made["id"]].wanted == "stopped"
    again = client.call("POST", f"/streams/{made['id']}/stop", 202)
    assert again["since"] == stopped["since"]
    started = client.call("POST", f"/streams/{made['id']}/start", 202)
    spec = registry.read()[made["id"]]
    assert (started["wanted"], spec.wanted, spec.revision) == ("running", "running", 3)
    assert started["started_at"] > made["started_at"]
    assert spec.started_at > 0
    client.call("DELETE", f"/streams/{made['id']}", 204)
    client.problem("GET", f"/streams/{made['id']}", 404, "not_found")
    assert made["id"] not in registry.read()
    assert not registry.sealed_address(made["id"])


def test_state_and_figures_come_from_ingest_and_detector(client: Client, server: "redis.Redis") -> None:
    made, other = add(client), add(client)
    since = time.time() + 60  # later than what an ingest of the service says
    failed = IngestPresence(
        "one", StreamState.FAILED, since, Reason.UNAUTHORIZED, "wrong password", fps=9.5, dropped={"network": 2}
    )
    client.call("POST", f"/streams/{other['id']}/stop", 202)
    # The service's own ingest may write in between: read until ours was there.
    deadline = time.monotonic() + 120
    shown: dict[str, Any] = {"reason": None}
    while shown["reason"] != "unauthorized" and time.monotonic() < deadline:
        presence.write(server, made["id"], failed)
        presence.write(server, made["id"], DetectorPresence("two", fps=8.0, dropped={"behind": 1}))
        shown = client.call("GET", "/streams", 200)["items"][1]
    assert (shown["id"], shown["state"], shown["detail"]) == (made["id"], "failed", "wrong password")
    assert (shown["live"]["fps_in"], shown["live"]["ingest"]) == (9.5, "one")
    items = client.call("GET", "/streams", 200)["items"]
    assert [item["id"] for item in items] == [other["id"], made["id"]]
    assert items[0]["state"] == "stopped"


def test_the_list_is_read_in_pages(client: Client) -> None:
    made = [add(client)["id"] for _ in range(3)]
    first = client.call("GET", "/streams", 200, params={"limit": 2})
    rest = client.call("GET", "/streams", 200, params={"limit": 2, "cursor": first["next_cursor"]})
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    client.problem("GET", "/streams", 422, "invalid_cursor", params={"cursor": "x"})


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ({"kind": "rtsp"}, "invalid_input", "needs a url"),
        ({"kind": "webrtc", "url": "rtsp://camera.invalid/"}, "invalid_input", "has no url"),
        ({"kind": "video"}, "invalid_input", "needs a video_id"),
        ({"kind": "push", "video_id": str(uuid.UUID(int=0))}, "invalid_input", "has no video_id"),
        ({"kind": "file", "url": "/etc/passwd"}, "invalid_input", "kind"),
        ({"kind": "http", "url": "file:///etc/passwd"}, "stream_refused", "rtsp://"),
        ({"kind": "http", "url": "rtsp://camera.invalid/"}, "stream_refused", "rtsp://"),
        ({"kind": "rtsp", "url": "rtsp://me:secret@127.0.0.1/"}, "stream_refused", "STREAM_ALLOW_NETWORKS"),
        ({"kind": "rtsp", "url": "rtsp://[::ffff:169.254.169.254]/"}, "stream_refused", "STREAM_ALLOW_NETWORKS"),
        ({"kind": "push", "model": "none-such"}, "unknown_model", "none-such"),
        ({"kind": "push", "options": {"labels": ["unicorn"]}}, "invalid_options", "unicorn"),
        ({"kind": "push", "options": {"region": [0.5, 0, 0.5, 1]}}, "invalid_options", "region"),
        ({"kind": "push", "options": {"masks": True}}, "invalid_input", "masks"),
        ({"kind": "push", "record": {"minutes": 0}}, "invalid_input", "minutes"),
        ({"kind": "push", "name": "  "}, "invalid_input", "name"),
    ],
)
def test_a_wrong_stream_is_refused_and_nothing_is_left(
    client: Client, body: dict[str, Any], code: str, says: str
) -> None:
    detail = client.problem("POST", "/streams", 422, code, json=body)
    assert says in detail
    assert "secret" not in detail
    assert client.call("GET", "/streams", 200)["items"] == []


def test_a_change_is_checked_against_what_stays(client: Client) -> None:
    made = add(client, kind="push", options={"labels": ["person"]})
    path = f"/streams/{made['id']}"
    client.problem("PATCH", path, 422, "unknown_model", json={"model": "none-such"})
    client.problem("PATCH", path, 422, "invalid_input", json={"url": "rtsp://camera.invalid/"})
    client.problem("PATCH", path, 422, "invalid_input", json={})
    client.problem("PATCH", path, 422, "invalid_options", json={"options": {"labels": ["unicorn"]}})
    assert get(client, made)["options"] == made["options"]


def test_a_video_of_the_user_is_looped(client: Client, service: Service, sample: Path, server: "redis.Redis") -> None:
    video = client.upload(sample)
    made = add(client, kind="video", video_id=video["id"])
    assert (made["name"], made["video_id"], made["url"]) == (sample.name, video["id"], None)
    assert StreamRegistry(server).read()[made["id"]].video_id == video["id"]
    stranger = service.client()
    stranger.problem("POST", "/streams", 404, "not_found", json={"kind": "video", "video_id": video["id"]})
    client.call("DELETE", f"/videos/{video['id']}", 204)
    assert get(client, made)["video_id"] is None


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", size, "teal").save(sink, "JPEG")
    return sink.getvalue()


JPEG = {"Content-Type": "image/jpeg"}


def test_pushed_images_wait_for_the_ingest_and_the_oldest_are_dropped(client: Client, server: "redis.Redis") -> None:
    made = add(client)
    key, path = keys.pushed(made["id"]), f"/streams/{made['id']}/frames"
    data = jpeg()
    for number in range(10):
        assert (
            client.request("POST", path, content=data, headers=JPEG, params={"time": number + 0.5}).status_code == 202
        )
    entries: Any = server.xrange(key)
    assert len(entries) == 8
    assert entries[-1][1] == {b"j": data, b"t": b"9.5"}
    assert 0 < server.ttl(key) <= 60
    assert client.request("POST", path, content=data, headers=JPEG).status_code == 202
    entries = server.xrevrange(key, count=1)
    assert entries[0][1][b"t"] == b""
    client.call("DELETE", f"/streams/{made['id']}", 204)
    assert not server.exists(key)


def test_what_is_no_image_is_refused(client: Client, server: "redis.Redis") -> None:
    made = add(client)
    path = f"/streams/{made['id']}/frames"
    client.problem("POST", path, 422, "image_refused", content=b"x", headers=JPEG)
    client.problem("POST", path, 422, "image_refused", content=b"", headers=JPEG)
    client.problem("POST", path, 415, "unsupported_media_type", content=jpeg(), headers={"Content-Type": "image/png"})
    client.problem("POST", path, 413, "upload_too_large", content=jpeg() + bytes(8 * 1024**2), headers=JPEG)
    for text in ("yesterday", "-1", "nan", "1e300"):
        params = {"time": text}
        client.problem("POST", path, 400, "malformed_request", content=jpeg(), headers=JPEG, params=params)
    assert not server.exists(keys.pushed(made["id"]))


def test_streams_that_are_stopped_or_of_another_kind_take_no_images(client: Client) -> None:
    made, camera = add(client), add(client, **CAMERA)
    client.call("POST", f"/streams/{made['id']}/stop", 202)
    for one, says in ((made, "stopped"), (camera, "rtsp")):
        path = f"/streams/{one['id']}/frames"
        assert says in client.problem("POST", path, 409, "stream_not_fed", content=jpeg(), headers=JPEG)
