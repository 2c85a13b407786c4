"""A full disk: what cannot be kept is refused or waits, says why, leaves no half file, and works when there is room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.breakable import SETTINGS, Patient, at_work, short
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.servers.disk import enlarge, filled, small_disk
from tests.support.videos.big_file import big
from tests.support.waiting import until

pytestmark = pytest.mark.long

SIZE = "8m"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("small") / "disk"
    with small_disk(folder, SIZE):
        yield folder


@pytest.fixture(scope="module")
def own(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with EmbeddedMode().run(tmp_path_factory.mktemp("own"), STORAGE_DIR=disk / "storage", **SETTINGS) as service:
        yield service


@pytest.mark.parametrize("way", ["raw", "form", "detect"])
def test_upload_to_a_full_disk_is_refused_and_leaves_nothing(
    own: Embedded, disk: Path, sample: Path, tmp_path: Path, way: str
) -> None:
    client, content = own.client(), big(sample, tmp_path / "big.mp4", 12_000_000).read_bytes()

    def send(status: int) -> Any:
        if way == "raw":
            return client.call("POST", "/videos", status, content=content, headers={"Content-Type": "video/mp4"})
        path = "/videos" if way == "form" else "/detect"
        return client.call("POST", path, status, files={"video": ("a.mp4", content, "video/mp4")})

    before = own.settled_files()
    assert send(507)["code"] == "storage_full"
    assert own.settled_files() == before
    for path in ("/videos", "/jobs"):
        assert client.call("GET", path, 200)["items"] == []
    if way == "raw":
        enlarge(disk, "32m")
        client.call("DELETE", f"/videos/{send(201)['id']}", 204)
        own.expect_files(before)
        enlarge(disk, SIZE)


def test_a_job_that_cannot_be_planned_fails_with_the_reason(own: Embedded, disk: Path, sample: Path) -> None:
    client = own.client()
    video = client.upload(sample)
    before = own.settled_files()
    with filled(disk):
        ended = client.wait(client.start(video))
        assert (ended["state"], ended["error"]["code"]) == ("failed", "storage_full")
        assert own.settled_files() == before
    assert client.wait(client.start(video))["state"] == "succeeded"


def test_merge_waits_for_disk_space_and_reports_it(
    own: Embedded, disk: Path, full_sample: Path, tmp_path: Path
) -> None:
    client = Patient(own.url).register("patient")
    video = client.upload(short(full_sample, tmp_path))
    calm = client.wait(client.start(video))
    own.settled_files()
    job = at_work(client, video)
    before = own.stored_files()
    with filled(disk):
        waiting = client.wait(job, lambda now: now["error"] is not None)
        assert (waiting["state"], waiting["error"]["code"]) == ("merging", "storage_full")
        assert client.lines(job) == client.lines(calm), "what was found is served meanwhile"
        until(lambda: own.stored_files() == before)
    ended = client.wait(job)
    assert (ended["state"], ended["error"]) == ("succeeded", None)
    assert own.result_bytes(ended) == own.result_bytes(calm)
