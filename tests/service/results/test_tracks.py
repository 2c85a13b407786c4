"""A job's tracks from the upload to the exports: each answer says the same of them."""

import io
import json
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pandas
import pytest

from cli.main import main
from tests.support.deployments.service import Service
from tests.support.results import parquet_reader


def test_tracks_are_the_same_in_every_answer(
    service: Service, full_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = service.client("tracker")
    job = client.detect(full_sample, model="nanodet-g", options={"min_score": 0.3, "every_n": 4})
    path = f"/jobs/{job['id']}"
    before = client.request("GET", f"{path}/results")
    client.problem("GET", f"{path}/tracks", 409, "tracks_missing")

    asked = client.call("POST", f"{path}/tracks", 202, json={"min_frames": 2})
    assert asked["tracks"]["state"] == "queued"
    told = client.wait(job, lambda now: now["tracks"]["state"] != "queued")["tracks"]
    listed = client.call("GET", f"{path}/tracks", 200, params={"limit": 1000})["tracks"]
    assert (told["state"], told["parameters"]["min_frames"], told["tracks"]) == ("ready", 2, len(listed))
    found = Counter({track["id"]: track["frames"] for track in listed})
    assert found.total() > 20

    held = {"If-None-Match": before.headers["etag"]}
    after = client.request("GET", f"{path}/results", headers=held)
    assert after.status_code == 200
    objects = [one for frame in client.frames(job) for one in frame["detections"]]
    assert Counter(one["track"] for one in objects if "track" in one) == found
    for one in objects:
        one.pop("track", None)
    assert objects == [one for frame in before.json()["frames"] for one in frame["detections"]]

    def exported(form: str) -> bytes:
        answer = client.request("GET", f"{path}/export", params={"format": form})
        assert answer.status_code == 200, answer.text
        return answer.content

    table = pandas.read_csv(io.BytesIO(exported("csv")))
    assert table["track"].value_counts().to_dict() == dict(found)
    columns = parquet_reader.read(exported("parquet")).columns
    assert columns["track"] == [None if track != track else int(track) for track in table["track"]]
    root = ElementTree.fromstring(exported("cvat"))  # noqa: S314  (ours)
    boxes = {int(track.get("id", "")): len(track.findall("box[@outside='0']")) for track in root.iterfind("track")}
    alone = len(objects) - found.total()
    assert Counter(boxes) == found + Counter({len(found) + 1 + number: 1 for number in range(alone)})
    rows = [line.split(",") for line in exported("mot").decode().splitlines()]
    assert Counter(int(row[1]) for row in rows) == Counter(boxes)
    (answer,) = json.loads(exported("google"))["annotationResults"]
    assert [len(one["frames"]) for one in answer["objectAnnotations"]] == [boxes[number] for number in sorted(boxes)]

    monkeypatch.setenv("WEB_DETECTOR_URL", service.url)
    monkeypatch.setenv("WEB_DETECTOR_USER", "tracker")
    monkeypatch.setenv("WEB_DETECTOR_PASSWORD", "correct-horse-battery")
    written = tmp_path / "tracks.ndjson"
    assert main(["tracks", job["id"], "--min-frames", "4", "-o", str(written)]) == 0
    some = [json.loads(line) for line in written.read_text().splitlines()]
    assert [one["path"] for one in some] == [one["path"] for one in listed if one["frames"] >= 4]
