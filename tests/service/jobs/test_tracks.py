"""A job's objects become tracks by themselves, once it has ended."""

from pathlib import Path

from tests.support.deployments.modes import DeploymentMode
from tests.support.models import tiny_model


def test_an_ended_job_gets_tracks(mode: DeploymentMode, sample: Path, tmp_path: Path) -> None:
    with mode.run(tmp_path, TRACKS="on", DETECTOR_WORKERS=1, **tiny_model.as_default(tmp_path)) as service:
        client = service.client()
        job = client.start(client.upload(sample))
        tracked = client.wait(job, lambda now: (now["tracks"] or {}).get("state") == "ready")
        assert tracked["state"] == "succeeded"
        listed = client.call("GET", f"/jobs/{job['id']}/tracks", 200, params={"limit": 1000})["tracks"]
        assert len(listed) == tracked["tracks"]["tracks"] > 0
        hits = client.call("GET", "/search", 200, params={"limit": 200})["hits"]
        named = ("label", "score", "best_frame", "best_box")
        searched = {hit["track"]: [hit[name] for name in named] for hit in hits}
        assert searched == {one["id"]: [one[name] for name in named] for one in listed}
        files = service.settled_files()
        assert f"videos/{job['video_id']}/jobs/{job['id']}/tracks" in files
        client.call("DELETE", f"/jobs/{job['id']}", 204)
        assert client.call("GET", "/search", 200)["hits"] == []
        service.expect_files([name for name in files if job["id"] not in name])
