"""What one user may keep and have done, in every way that something comes in."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import User
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model
from tests.support.tus_client import HEADERS, Upload

pytestmark = pytest.mark.every_mode


FRAMES = 48
STILL = {"every_n": 20}


@pytest.fixture(scope="module")
def own(mode: DeploymentMode, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service where two samples are one too many, and so are two jobs, and the frames of three."""
    size = sample.stat().st_size
    settings = {"QUOTA_STORED_BYTES": size * 3 // 2, "QUOTA_ACTIVE_JOBS": 1, "QUOTA_FRAMES_PER_DAY": FRAMES + 10}
    settings["QUOTA_STREAMS"] = 1
    folder = tmp_path_factory.mktemp("own")
    with mode.run(folder, **settings, **tiny_model.as_default(folder)) as running:
        yield running


def raise_quotas(service: Service, client: Client, **quotas: int) -> None:
    """As an admin does it for one user."""
    engine = open_database(service.settings().database_url)
    with Session(engine) as session, session.begin():
        session.execute(update(User).where(User.username == client.username).values(quotas=quotas))
    engine.dispose()


def quotas(client: Client) -> Any:
    return client.call("GET", "/auth/me", 200)["quotas"]


def test_stored_bytes_quota_applies_to_every_kind_of_upload(own: Service, sample: Path) -> None:
    client = own.client()
    video = client.upload(sample)
    size = sample.stat().st_size
    assert quotas(client)["stored_bytes"] == {"limit": size * 3 // 2, "used": size}
    content = sample.read_bytes()
    before = own.settled_files()
    raw = {"Content-Type": "video/mp4"}
    for path, body in (
        ("/videos", {"content": content, "headers": raw}),
        ("/videos", {"content": iter([content]), "headers": raw}),  # without a length
        ("/videos", {"files": {"video": content}}),
        ("/detect", {"files": {"video": content}}),
        ("/uploads", {"headers": {**HEADERS, "Upload-Length": str(size)}}),
    ):
        detail = client.problem("POST", path, 413, "storage_used_up", **body)  # type: ignore[arg-type]
        assert str(size * 3 // 2 - size) in detail
        assert "streams with failed recordings" in detail, "which only the deletion of the stream frees"
    own.expect_files(before)
    client.call("DELETE", f"/videos/{video['id']}", 204)
    assert quotas(client)["stored_bytes"]["used"] == 0
    client.upload(sample)


def test_unfinished_uploads_count_towards_the_quota(own: Service, sample: Path) -> None:
    client = own.client()
    content = sample.read_bytes()
    upload = Upload(client, content).begin()
    assert quotas(client)["stored_bytes"]["used"] == len(content)
    client.problem("POST", "/videos", 413, "storage_used_up", files={"video": content})
    upload.put(0)  # it fits into its own room
    assert quotas(client)["stored_bytes"]["used"] == len(content)


def test_concurrent_uploads_cannot_exceed_the_quota(own: Service, sample: Path) -> None:
    client = own.client()
    content = sample.read_bytes()

    def send(_: int) -> int:
        with httpx.Client(base_url=own.url, headers=client.http.headers, timeout=60) as http:
            return http.post("/api/v1/videos", files={"video": content}).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(send, range(3))) == [201, 413, 413]
    assert len(client.call("GET", "/videos", 200)["items"]) == 1


def test_active_jobs_quota_is_enforced(own: Service, sample: Path) -> None:
    client = own.client()
    raise_quotas(own, client, stored_bytes=0, frames_per_day=0)
    video = client.upload(sample)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"video_id": video["id"]}
    with own.held(r"detector\.worker"):
        job = client.call("POST", "/jobs", 202, json=body, headers=key)
        refused = client.request("POST", "/jobs", json=body)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
        assert int(refused.headers["retry-after"]) > 0
        assert client.call("POST", "/jobs", 202, json=body, headers=key)["id"] == job["id"]  # no new one
        assert quotas(client)["active_jobs"] == {"limit": 1, "used": 1}
        other = own.client()
        others = other.start(other.upload(sample))  # they have theirs
        client.call("POST", f"/jobs/{job['id']}/cancel", 202)
    assert other.wait(others)["state"] == "succeeded"
    client.wait(job)
    client.wait(client.start(video, options=STILL))


def test_frames_per_day_quota_is_not_reset_by_deleting_jobs(own: Service, sample: Path) -> None:
    client = own.client()
    video = client.upload(sample)
    first = client.wait(client.start(video))
    assert first["state"] == "succeeded"
    assert quotas(client)["frames_per_day"] == {"limit": FRAMES + 10, "used": FRAMES}
    client.call("DELETE", f"/jobs/{first['id']}", 204)
    assert quotas(client)["frames_per_day"]["used"] == FRAMES

    second = client.wait(client.start(video))
    assert (second["state"], second["error"]["code"]) == ("failed", "frames_used_up")
    assert "every_n" in second["error"]["detail"]
    third = client.wait(client.start(video, options=STILL))  # 3 frames of 10 that are left
    assert third["state"] == "succeeded"

    raise_quotas(own, client, frames_per_day=FRAMES)
    refused = client.request("POST", "/jobs", json={"video_id": video["id"]})
    assert (refused.status_code, refused.json()["code"]) == (429, "frames_used_up")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    # With what the operator gives this user, it goes on.
    raise_quotas(own, client, frames_per_day=FRAMES * 5)
    assert client.wait(client.start(video))["state"] == "succeeded"


def test_live_streams_quota_is_enforced_and_a_deleted_stream_gives_its_place_back(own: Service) -> None:
    client = own.client()
    made = client.call("POST", "/streams", 201, json={"kind": "push"})
    client.call("POST", f"/streams/{made['id']}/stop", 202)  # one that is stopped counts too
    assert quotas(client)["streams"] == {"limit": 1, "used": 1}
    assert "1 live streams" in client.problem("POST", "/streams", 409, "stream_quota_reached", json={"kind": "push"})
    client.call("DELETE", f"/streams/{made['id']}", 204)
    client.call("POST", "/streams", 201, json={"kind": "push"})
    raise_quotas(own, client, streams=2)
    client.call("POST", "/streams", 201, json={"kind": "push"})
