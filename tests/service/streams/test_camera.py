"""A camera with a password, from its address to its results, through a whole service that may reach this machine."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from contracts.live import keys
from contracts.metrics.table import STAGE_SECONDS, MetricRole, of_role
from contracts.runtime import tracing
from tests.support.deployments.embedded import Embedded
from tests.support.scraping import METRICS_ROLES, complaints, exposition, families, values
from tests.support.servers.byte_server import Web, chunked, reply
from tests.support.videos.live import jpegs, multipart
from tests.support.waiting import until

SECRET, WRONG = "pass-of-a-camera", "not-the-pass-of-it"
RIGHT_HEADER = base64.b64encode(f"viewer:{SECRET}".encode()).decode()
PACE_SECONDS = 0.1
TRACE = "0af7651916cd43dd8448eb211c80319c"
# What a job and a stream move, by role.
MOVED: dict[MetricRole, tuple[str, ...]] = {
    "api": (
        "web_detector_upload_bytes_total",
        "web_detector_http_request_seconds_count{operation=api.routes.jobs.create_job,status=2xx}",
        "web_detector_server_up{server=broker}",
        "web_detector_workers{role=live_detector}",
        "web_detector_storage_bytes{content=videos}",
        "web_detector_storage_free_bytes",
        "web_detector_result_store_bytes",
        "web_detector_streams{state=live}",
        "web_detector_live_wanted_fps",
        "web_detector_live_served_fps",
        "web_detector_capacity_fps{role=detector}",
        "web_detector_scale_ratio{role=live_detector}",
    ),
    "processor": (
        "web_detector_jobs_ended_total{state=succeeded}",
        "web_detector_tasks_total{outcome=done,task=processor.process_video}",
        "web_detector_task_seconds_count{task=processor.probe_video}",
        "web_detector_queue_wait_seconds_count{queue=probe}",
    ),
    "renderer": ("web_detector_build_info{role=renderer,version=0.1.0}",),
    "ingest": (
        "web_detector_streams_held",
        "web_detector_stream_fps{stream=STREAM}",
        "web_detector_stream_bytes_per_second{stream=STREAM}",
    ),
    "live_detector": (
        "web_detector_streams_held",
        "web_detector_frames_inferred_total",
        "web_detector_frame_to_box_seconds_count",
        "web_detector_stream_analysed_fps{stream=STREAM}",
    ),
    "detector": (
        "web_detector_frames_inferred_total",
        "web_detector_frames_done_total",
        "web_detector_chunks_total{outcome=done}",
        *(f"web_detector_stage_seconds_total{{stage={stage}}}" for stage in STAGE_SECONDS.values),
        "web_detector_cpu_seconds_total",
        "web_detector_engine_images_count",
        "web_detector_queue_wait_seconds_count{queue=detector}",
    ),
}


@pytest.fixture
def camera() -> Iterator[Web]:
    """MJPEG for who logs in, until the test ends."""
    ended = threading.Event()
    pieces = multipart(jpegs(10))

    def endless() -> Iterator[bytes]:
        while True:
            for piece in pieces:
                if ended.wait(PACE_SECONDS):
                    return
                yield piece

    with Web() as web:

        def answer(connection: socket.socket) -> object:
            if f"Authorization: Basic {RIGHT_HEADER}\r\n" in web.requests[-1]:
                return chunked(endless(), 'multipart/x-mixed-replace;boundary="frame"')(connection)
            return reply(b"", "401 Unauthorized", None, WWW_Authenticate='Basic realm="door"')(connection)

        web.serve("/camera", answer)
        yield web
        ended.set()


def readers(service: Embedded) -> list[psutil.Process]:
    """The processes that read cameras."""
    (ingest,) = service.processes(r"ingest\.worker")
    return ingest.children(recursive=True)


def test_a_wrong_password_is_named_and_leaves_no_process_and_the_right_one_gives_results(
    reaching: Embedded, camera: Web
) -> None:
    client = reaching.client()
    url = f"http://viewer:{{}}@127.0.0.1:{camera.port}/camera?channel=1&pwd={SECRET}"
    before = readers(reaching)
    body = {"kind": "http", "url": url.format(WRONG), "name": "door"}
    made = client.call("POST", "/streams", 201, json=body)
    path = f"/streams/{made['id']}"

    def shown() -> Any:
        return client.call("GET", path, 200)

    until(lambda: shown()["state"] == "failed")
    assert shown()["reason"] == "unauthorized"
    asked = camera.connections
    assert readers(reaching) == before

    client.call("PATCH", path, 200, json={"url": url.format(SECRET)})
    until(lambda: shown()["state"] == "live" and shown()["live"]["fps_out"] > 0)
    assert shown()["live"]["codec"] == "mjpeg"
    assert camera.connections > asked
    until(lambda: client.call("GET", f"{path}/results", 200)["frames"])
    with redis.Redis.from_url(reaching.settings().coordination_url) as server:
        client.call("DELETE", path, 204)
        until(lambda: readers(reaching) == before)
        # What its last recording needs, and what was written meanwhile, expires.
        assert not [key for key in keys.all_of(made["id"]) if server.ttl(key) == -1]

    told = json.dumps(made) + reaching.output() + " ".join(" ".join(one.cmdline()) for one in reaching.processes())
    for secret in (SECRET, WRONG, RIGHT_HEADER):
        assert secret not in told


def test_every_role_tells_its_metrics_and_one_trace_goes_through_their_logs(
    reaching: Embedded, camera: Web, sample: Path
) -> None:
    client = reaching.client()
    url = f"http://viewer:{SECRET}@127.0.0.1:{camera.port}/camera"
    stream = client.call("POST", "/streams", 201, json={"kind": "http", "url": url, "name": "door"})
    headers = {tracing.HEADER: f"00-{TRACE}-{'1' * 16}-01"}
    job = client.call("POST", "/jobs", 202, json={"video_id": client.upload(sample)["id"]}, headers=headers)
    client.wait(job)

    first = int(reaching.env["METRICS_PORT"])
    ports = {role: first + place for place, role in enumerate(METRICS_ROLES)}
    moved = {role: [name.replace("STREAM", stream["id"]) for name in names] for role, names in MOVED.items()}
    seen: dict[str, dict[str, float]] = {}

    def all_moved() -> bool:
        seen.update({role: values(exposition(port)) for role, port in ports.items()})
        return all(seen[role].get(name, 0) > 0 for role, names in moved.items() for name in names)

    until(all_moved)
    for role, port in ports.items():
        text = exposition(port)
        assert families(text) == {metric.name for metric in of_role(role)}
        assert complaints(text) == ""
        assert "prometheus" not in text

    told = [json.loads(line) for line in reaching.output().splitlines() if line.startswith("{")]
    followed = [line for line in told if line.get("trace") == TRACE]
    assert {line["logger"].split(".")[0] for line in followed} >= {"api", "processor", "detector"}
    assert {line["job"] for line in followed if "job" in line} == {job["id"]}
    of_stream = {line["logger"].split(".")[0] for line in told if line.get("stream") == stream["id"]}
    assert of_stream >= {"ingest", "detector"}
    client.call("DELETE", f"/streams/{stream['id']}", 204)
