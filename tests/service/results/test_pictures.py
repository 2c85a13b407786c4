"""Pictures of tracks and frames, and a blurred copy, from a running service."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from tests.support.deployments.service import Client, Service
from tests.support.waiting import until


def image(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), float)


def test_what_was_found_can_be_looked_at_and_hidden(client: Client, service: Service, sample: Path) -> None:
    job = client.detect(sample, model="nanodet-g", options={"min_score": 0.3, "end_ms": 1000})
    path, video = f"/jobs/{job['id']}", f"/videos/{job['video_id']}"
    client.problem("GET", f"{path}/tracks/1/picture", 404, "picture_missing")
    client.call("POST", f"{path}/tracks", 202, json={})
    client.wait(job, lambda now: now["tracks"]["state"] == "ready")
    track = client.call("GET", f"{path}/tracks", 200)["tracks"][0]

    # The first who asks for a picture has those of the job made.
    assert client.request("GET", f"{path}/tracks/{track['id']}/picture").status_code == 404
    until(lambda: client.call("GET", f"{path}/renditions/pictures", 200)["state"] == "ready")
    picture = client.request("GET", f"{path}/tracks/{track['id']}/picture")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")

    box = ",".join(f"{value:g}" for value in track["best_box"])
    whole = client.request("GET", f"{video}/frame", params={"frame": track["best_frame"]})
    part = client.request("GET", f"{video}/frame", params={"at_ms": track["best_ms"], "box": box})
    assert (whole.status_code, part.status_code) == (200, 200)
    x1, y1, x2, y2 = (round(value) for value in track["best_box"])
    shown = image(part.content)
    assert np.abs(shown.mean(axis=(0, 1)) - image(whole.content)[y1:y2, x1:x2].mean(axis=(0, 1))).max() < 3

    size = {"columns": 3, "rows": 2, "width": 300}
    sheet = client.request("GET", f"{video}/contact-sheet", params=size)
    assert (sheet.status_code, image(sheet.content).shape) == (200, (150, 298, 3))
    known = {"If-None-Match": sheet.headers["etag"]}
    assert client.request("GET", f"{video}/contact-sheet", params=size, headers=known).status_code == 304
    for wrong in ({"from_ms": 100, "to_ms": 100}, {"from_ms": 1e9}):
        client.problem("GET", f"{video}/contact-sheet", 422, "invalid_input", params=wrong)

    assert client.call("PUT", f"{path}/renditions/blurred", 202, json={"labels": [track["label"]]})["kind"] == "blurred"
    until(lambda: client.call("GET", f"{path}/renditions/blurred", 200)["state"] == "ready")
    copy = client.request("GET", f"{path}/renditions/blurred/content").content
    with av.open(io.BytesIO(copy), "r") as container:
        frames: Any = list(container.decode(video=0))
    hidden = frames[track["best_frame"]].to_ndarray(format="rgb24")[y1:y2, x1:x2]
    edges = [np.abs(np.diff(pixels.astype(float), axis=1)).mean() for pixels in (shown, hidden)]
    assert edges[1] < edges[0] / 4

    owned = [f"videos/{job['video_id']}/{name}" for name in ("frames", f"{path[1:]}/pictures", f"{path[1:]}/blurred")]
    assert set(owned) <= set(service.stored_files())
    client.call("DELETE", path, 204)
    client.call("DELETE", video, 204)
    assert not [name for name in service.stored_files() if job["video_id"] in name]
