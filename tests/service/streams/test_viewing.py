"""A stored video as a live stream, through ingest, detector and api, as its viewers get it."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.deployments.service import Client, Service
from tests.support.live.websocket import WebSocket
from tests.support.waiting import until

FRAGMENT = 2
FRAMES = 40


@pytest.fixture
def stream(client: Client, sample: Path) -> Iterator[dict[str, Any]]:
    """A stream of the sample that is live."""
    video = client.upload(sample)["id"]
    made = client.call("POST", "/streams", 201, json={"kind": "video", "video_id": video})
    until(lambda: client.call("GET", f"/streams/{made['id']}", 200)["state"] == "live")
    yield made
    client.call("DELETE", f"/streams/{made['id']}", 204)


def watch(service: Service, client: Client, stream_id: str) -> WebSocket:
    headers = {"Authorization": f"Bearer {client.tokens['access_token']}"}
    return WebSocket(service.port, f"/api/v1/streams/{stream_id}/ws", headers)


def test_pictures_and_results_of_a_running_stream(service: Service, client: Client, stream: dict[str, Any]) -> None:
    media = b""
    times: list[float] = []
    results: dict[float, dict[str, Any]] = {}
    with watch(service, client, stream["id"]) as socket:
        socket.send({"type": "start", "media": True, "results": True})
        while len(times) < FRAMES or not results:
            message = socket.receive()
            if isinstance(message, bytes):
                kind, _, moment = struct.unpack("<BBd", message[:10])
                media += message[10:]
                if kind == FRAGMENT:
                    times.append(moment)
            elif message["type"] == "result":
                results[message["time_ms"]] = message
            elif message["type"] == "config":
                config = message
    with av.open(io.BytesIO(media), "r") as reader:
        decoded = [frame.time for frame in reader.decode(video=0)]
        assert (reader.streams.video[0].width, reader.streams.video[0].height) == (config["width"], config["height"])
    start = min(times) / 1000 - decoded[0]
    assert [moment + start for moment in decoded] == pytest.approx([one / 1000 for one in sorted(times)], abs=1e-3)
    assert set(results) & set(times)
    page = client.call("GET", f"/streams/{stream['id']}/results", 200)
    same = {frame["time_ms"]: frame for frame in page["frames"]}
    for moment in set(results) & set(same):
        told = results[moment]
        assert {name: told[name] for name in ("frame", "time_ms", "detections")} == same[moment]
    assert set(results) & set(same)


def test_the_picture_of_a_running_stream_is_a_frame(client: Client, stream: dict[str, Any]) -> None:
    address = f"/api/v1/streams/{stream['id']}/snapshot"
    until(lambda: client.http.get(address).status_code == 200)
    answer = client.http.get(address)
    assert answer.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(answer.content), "r") as reader:
        assert len([*reader.decode(video=0)]) == 1
