"""Clips of a running service."""

import io
from typing import Any

import av

from tests.service.results.test_renditions import content, decoded, ready, upload
from tests.support.deployments.service import Client, Service
from tests.support.videos import formats

PART = {"from_ms": 1000, "to_ms": 1400}


def clip(client: Client, video: dict[str, Any], **part: Any) -> Any:
    """A clip of a video, once it has ended."""
    shape = client.call("POST", f"/videos/{video['id']}/clips", 202, json=part)
    return ready(client, f"/videos/{video['id']}/clips/{shape['id']}")


def test_a_clip_is_made_listed_and_deleted(client: Client, service: Service) -> None:
    before = service.settled_files()
    file = formats.encode("mp4", "libx264", b_frames=2)
    video = upload(client, file.content, "yard.mp4")
    cut = clip(client, video, **PART)
    assert (cut["kind"], cut["state"], cut["content_type"]) == ("clip", "ready", "video/mp4")
    assert cut["part"] == {**PART, "exact": False}
    exact = clip(client, video, **PART, exact=True)
    paths = [f"/videos/{video['id']}/clips/{shape['id']}" for shape in (cut, exact)]
    assert [shape["links"]["self"] for shape in (cut, exact)] == [f"/api/v1{path}" for path in paths]
    # The keyframe before is frame 24, and the last frames refer to the one after them.
    assert [len(decoded(content(client, path))) for path in paths] == [12, 10]
    again = client.call("POST", f"/videos/{video['id']}/clips", 200, json=PART)
    assert again == client.call("GET", paths[0], 200) == cut
    listed = client.call("GET", f"/videos/{video['id']}/clips", 200)
    assert ([shape["id"] for shape in listed["items"]], listed["next_cursor"]) == ([exact["id"], cut["id"]], None)
    kept = client.request("GET", f"{paths[0]}/content", params={"download": 1})
    assert 'filename="yard-clip.mp4"' in kept.headers["content-disposition"]
    part = client.request("GET", f"{paths[0]}/content", headers={"Range": "bytes=10-99"})
    assert (part.status_code, len(part.content)) == (206, 90)
    client.call("DELETE", paths[0], 204)
    client.problem("GET", paths[0], 404, "not_found")
    assert [name for name in service.stored_files() if "/clips/" in name] == [paths[1].removeprefix("/")]
    client.call("DELETE", f"/videos/{video['id']}", 204)
    service.expect_files(before)


def test_a_part_that_cannot_be_a_clip_is_refused(client: Client, service: Service) -> None:
    video = upload(client, formats.encode("mp4", "libx264", frames=5).content)
    path = f"/videos/{video['id']}/clips"
    for part, reason in (
        ({"from_ms": 5, "to_ms": 5}, "must be after"),
        ({"from_ms": 5, "to_ms": 3_600_006}, "at most"),
        ({"from_ms": 200, "to_ms": 300}, "ends at 200"),
        ({"from_ms": -1, "to_ms": 300}, "from_ms"),
        ({"from_ms": 0.5, "to_ms": 300}, "from_ms"),
        ({"from_ms": 0}, "to_ms"),
    ):
        assert reason in client.problem("POST", path, 422, "invalid_input", json=part)
    assert client.call("GET", path, 200)["items"] == []
    shape = clip(client, video, from_ms=100, to_ms=3_600_000)
    with av.open(io.BytesIO(content(client, f"{path}/{shape['id']}")), "r") as container:
        assert container.streams.video[0].frames == 5
    other = upload(client, formats.encode("mp4", "libx264", frames=6).content)
    client.problem("GET", f"/videos/{other['id']}/clips/{shape['id']}", 404, "not_found")


def test_clips_count_against_the_quota_and_are_limited(client: Client, service: Service) -> None:
    video = upload(client, formats.encode("mp4", "libx264", frames=5).content)
    used = client.call("GET", "/auth/me", 200)["quotas"]["stored_bytes"]["used"]
    shape = clip(client, video, from_ms=0, to_ms=100)
    assert client.call("GET", "/auth/me", 200)["quotas"]["stored_bytes"]["used"] == used + shape["size_bytes"]
