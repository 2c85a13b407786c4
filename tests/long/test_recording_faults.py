"""A recording whose ingest and processors are killed in the running service."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model
from tests.support.waiting import until


def recordings(client: Client, stream: str) -> list[Any]:
    """The oldest first."""
    items: list[Any] = client.call("GET", f"/streams/{stream}/recordings", 200)["items"]
    return items[::-1]


def kill(service: Service, pattern: str) -> None:
    for process in service.processes(pattern):
        os.kill(process.pid, signal.SIGKILL)


def test_what_was_written_becomes_a_video_with_results(tmp_path: Path, sample: Path) -> None:
    tiny_model.install(tmp_path / "data" / "models", labels=tiny_model.COMMON_LABELS)
    with EmbeddedMode().run(tmp_path, DEFAULT_MODEL=tiny_model.ID) as service:
        client = service.client()
        video = client.upload(sample)["id"]
        body = {"name": "Gate", "kind": "video", "video_id": video, "record": {"minutes": 1}}
        stream = client.call("POST", "/streams", 201, json=body)["id"]
        until(lambda: len(client.call("GET", f"/streams/{stream}/results", 200)["frames"]) > 60)  # seconds of them
        until(lambda: recordings(client, stream))
        kill(service, r"ingest\.worker")
        until(lambda: recordings(client, stream)[0]["state"] == "closed")
        kill(service, r"processor\.worker")
        until(lambda: recordings(client, stream)[0]["state"] == "filed")
        until(lambda: len(recordings(client, stream)) > 1)  # another ingest goes on
        lost = recordings(client, stream)[0]
        assert lost["reason"] == "ingest_lost"
        job = client.job({"id": lost["job_id"]})
        assert job["state"] == "succeeded"
        frames = client.frames(job)
        media = client.call("GET", f"/videos/{lost['video_id']}", 200)["media"]
        assert media["frames"] == lost["frames"] == len(frames) + sum(lost["dropped"].values())
        keys = [key for key in service.stored_files() if lost["id"] in key and key.startswith("streams/")]
        assert keys == []
