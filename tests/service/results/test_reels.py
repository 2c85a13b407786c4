"""Reels of a running service."""

from typing import Any

from tests.service.results.test_renditions import content, decoded, ready, upload
from tests.support.deployments.service import Client, Service
from tests.support.videos import formats


def piece(video: dict[str, Any], begin: float, end: float) -> dict[str, Any]:
    """As a hit of a search, with more than a reel needs."""
    return {"video_id": video["id"], "from_ms": begin, "to_ms": end, "label": "cup", "score": 0.5}


def test_a_reel_of_two_videos_goes_with_one_of_them(client: Client, service: Service) -> None:
    before = service.settled_files()
    one = upload(client, formats.encode("mp4", "libx264", b_frames=2).content, "one.mp4")
    two = upload(client, formats.encode("webm", "libvpx-vp9", size=(48, 64)).content, "two.webm")
    body = {"pieces": [piece(two, 1000.5, 1100), piece(one, 200, 400)], "before_ms": 0, "after_ms": 40, "name": "Door"}
    made = client.call("POST", "/reels", 202, json=body)
    path = f"/reels/{made['id']}"
    assert made["links"] == {"self": f"/api/v1{path}", "content": f"/api/v1{path}/content"}
    shape = ready(client, path)
    assert (shape["kind"], shape["state"], shape["video_id"]) == ("reel", "ready", None)
    assert shape["reel"] == {
        "name": "Door",
        "width": 1280,
        "height": 720,
        "left_out": 0,
        "pieces": [
            {"video_id": two["id"], "from_ms": 1000, "to_ms": 1140, "at_ms": 0},
            {"video_id": one["id"], "from_ms": 200, "to_ms": 440, "at_ms": 140},
        ],
    }
    frames = decoded(content(client, path))
    assert [round(time * 1000) for time, _ in frames] == [*range(0, 140, 40), *range(140, 380, 40)]
    assert {image.shape for _, image in frames} == {(720, 1280, 3)}
    kept = client.request("GET", f"{path}/content", params={"download": 1})
    assert 'filename="Door-reel.mp4"' in kept.headers["content-disposition"]
    assert [row["id"] for row in client.call("GET", "/reels", 200)["items"]] == [made["id"]]
    client.call("DELETE", f"/videos/{one['id']}", 204)  # of the second piece
    client.problem("GET", path, 404, "not_found")
    client.call("DELETE", f"/videos/{two['id']}", 204)
    service.expect_files(before)


def test_a_reel_that_cannot_be_made_is_refused(client: Client, service: Service) -> None:
    video = upload(client, formats.encode("mp4", "libx264", frames=5).content)
    stranger = upload(service.client(), formats.encode("mp4", "libx264", frames=4).content)
    client.problem("POST", "/reels", 404, "not_found", json={"pieces": [piece(video, 0, 9), piece(stranger, 0, 9)]})
    for body, reason in (
        ({"pieces": []}, "pieces"),
        ({"pieces": [piece(video, 100, 50)]}, "piece 0"),
        ({"pieces": [piece(video, 0, 9), piece(video, 200, 300)]}, "piece 1"),
        ({"pieces": [piece(video, 0, 9)], "width": 641}, "width"),
        ({"pieces": [{"video_id": video["id"]}]}, "from_ms"),
    ):
        assert reason in client.problem("POST", "/reels", 422, "invalid_input", json=body)
    assert client.call("GET", "/reels", 200)["items"] == []
    made = client.call("POST", "/reels", 202, json={"pieces": [piece(video, 0, 9)]})
    client.problem("GET", f"/videos/{video['id']}/clips/{made['id']}", 404, "not_found")
    client.call("DELETE", f"/reels/{made['id']}", 204)
    client.problem("GET", f"/reels/{made['id']}", 404, "not_found")
