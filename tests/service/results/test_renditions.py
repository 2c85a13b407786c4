"""Posters, playable and annotated copies of a running service."""

import io
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from processor.renditions.drawing import colour_of
from tests.media.rendering.test_rendering import grey
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client, Service
from tests.support.processes import still_there
from tests.support.videos import formats
from tests.support.videos.sample_variants import recoded
from tests.support.waiting import until

FILM_FRAMES = 500
STEP_SECONDS = 0.02
POSTER, PLAYABLE = "renditions/poster", "renditions/playable"


def ready(client: Client, path: str, seconds: float = 120) -> Any:
    """The rendition, once it has ended."""
    deadline = time.monotonic() + seconds
    while (shape := client.call("GET", path, 200))["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, shape
        time.sleep(0.05)
    return shape


def asked(client: Client, path: str, **options: Any) -> Any:
    """The same, after it was asked for."""
    shape = client.call("PUT", path, 202, **({"json": options} if options else {}))
    assert shape["state"] in ("queued", "running")
    assert shape["links"]["self"] == f"/api/v1{path}"
    return ready(client, path)


def content(client: Client, path: str) -> bytes:
    response = client.request("GET", f"{path}/content")
    assert response.status_code == 200, response.text
    return response.content


def decoded(data: bytes) -> list[tuple[Fraction, Any]]:
    with av.open(io.BytesIO(data), "r") as container:
        frames: Any = list(container.decode(video=0))
    return [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in frames]


def upload(client: Client, data: bytes, name: str = "clip.mkv") -> Any:
    return client.call("POST", "/videos", 201, files={"video": (name, data, "video/x-matroska")})


def poster_of(client: Client, video: dict[str, Any]) -> str:
    """The link of the poster, once it is there."""
    deadline = time.monotonic() + 60
    while (link := client.call("GET", f"/videos/{video['id']}", 200)["links"]["poster"]) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(link)


@pytest.fixture
def turned() -> formats.File:
    return formats.encode("mp4", "libx265", frames=30, size=(128, 96), clockwise=90, b_frames=2)


def test_poster_is_made_automatically(client: Client, turned: formats.File) -> None:
    video = upload(client, turned.content)
    link = poster_of(client, video)
    assert link == f"/api/v1/videos/{video['id']}/{POSTER}/content"
    assert client.call("GET", "/videos", 200)["items"][0]["links"]["poster"] == link
    response = client.request("GET", link)
    assert response.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(response.content))
    first = np.rot90(turned.frames[0].to_ndarray(format="rgb24"), -1)
    assert picture.size == (96, 128)
    assert np.abs(np.asarray(picture, int) - first.astype(int)).mean() < 14
    shape = client.call("GET", f"/videos/{video['id']}/{POSTER}", 200)
    assert (shape["kind"], shape["state"], shape["size_bytes"]) == ("poster", "ready", len(response.content))
    assert client.call("PUT", f"/videos/{video['id']}/{POSTER}", 200) == shape


def test_a_playable_copy_of_what_browsers_cannot_play(client: Client) -> None:
    times = [0, 1, 2, 10, 11, 30, 31, 32, 50, 75, 76]
    file = formats.encode("matroska", "libx265", times=times, b_frames=2)
    path = f"/videos/{upload(client, file.content)['id']}/{PLAYABLE}"
    client.problem("GET", path, 404, "not_found")
    client.problem("GET", f"{path}/content", 404, "not_found")
    shape = asked(client, path)
    assert (shape["state"], shape["content_type"], shape["error"]) == ("ready", "video/mp4", None)
    assert shape["progress"] == {"frames_done": 11, "frames_total": 11, "fraction": 1.0}
    data = content(client, path)
    assert shape["size_bytes"] == len(data)
    assert [time for time, _ in decoded(data)] == [Fraction(n, 25) for n in times]
    assert client.call("PUT", path, 200) == shape


def test_copy_supports_ranges_and_etag(client: Client, turned: formats.File) -> None:
    path = f"/videos/{upload(client, turned.content, 'Ein Film.mkv')['id']}/{PLAYABLE}"
    asked(client, path)
    whole = client.request("GET", f"{path}/content")
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.request("GET", f"{path}/content", headers={"Range": "bytes=10-99"})
    assert (part.status_code, part.content) == (206, whole.content[10:100])
    known = client.request("GET", f"{path}/content", headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    client.problem("GET", f"{path}/content", 416, "range_not_satisfiable", headers={"Range": "bytes=9999999-"})
    assert "content-disposition" not in whole.headers
    kept = client.request("GET", f"{path}/content", params={"download": 1})
    assert 'filename="Ein Film-playable.mp4"' in kept.headers["content-disposition"]


def test_renditions_of_other_users_return_404(client: Client, service: Service, turned: formats.File) -> None:
    video = upload(client, turned.content)
    poster_of(client, video)
    other = service.client()
    for method in ("GET", "PUT", "DELETE"):
        other.problem(method, f"/videos/{video['id']}/{POSTER}", 404, "not_found")
    other.problem("GET", f"/videos/{video['id']}/{POSTER}/content", 404, "not_found")
    assert client.http.get(f"/api/v1/videos/{video['id']}/{POSTER}/content").status_code == 200
    del client.http.headers["Authorization"]
    client.problem("GET", f"/videos/{video['id']}/{POSTER}/content", 401, "unauthenticated")


def test_deleted_rendition_is_made_again_on_request(client: Client, service: Service) -> None:
    before = service.settled_files()
    video = upload(client, formats.encode("mp4", "libx264", frames=5).content)
    poster_of(client, video)
    path = f"/videos/{video['id']}/{POSTER}"
    client.call("DELETE", path, 204)
    client.problem("GET", path, 404, "not_found")
    client.problem("DELETE", path, 404, "not_found")
    assert not [name for name in service.stored_files() if name.startswith(f"videos/{video['id']}/poster")]
    assert asked(client, path)["state"] == "ready"
    asked(client, f"/videos/{video['id']}/{PLAYABLE}")
    assert f"videos/{video['id']}/playable" in service.stored_files()
    client.call("DELETE", f"/videos/{video['id']}", 204)
    service.expect_files(before)


def drawn(image: Any, plain: Any) -> Any:
    """Where a picture differs clearly from the one without boxes."""
    return np.abs(image.astype(int) - plain.astype(int)).max(axis=2) > 60


def test_an_annotated_copy_shows_the_results(
    client: Client, service: Service, full_sample: Path, tmp_path: Path
) -> None:
    """Of three things and a pause."""
    video = recoded(full_sample, tmp_path / "things.mp4", "libx264", range(96))
    job = client.detect(video, model="nanodet-g")
    path = f"/jobs/{job['id']}/renditions/annotated"
    shape = asked(client, path)
    assert (shape["state"], shape["job_id"], shape["video_id"]) == ("ready", job["id"], job["video_id"])
    found = client.frames(job)
    frames = decoded(content(client, path))
    assert [round(float(time * 1000), 3) for time, _ in frames] == [frame["time_ms"] for frame in found]
    plain = decoded(video.read_bytes())
    # The colours of labels go by the order in which they appear.
    seen = [class_id for frame in found for class_id in sorted({item["class_id"] for item in frame["detections"]})]
    places = {class_id: place for place, class_id in enumerate(dict.fromkeys(seen))}
    checked = 0
    for result, (_, image), (_, source) in zip(found, frames, plain, strict=True):
        if not result["detections"]:
            assert drawn(image, source).mean() < 0.001
            continue
        best = max(result["detections"], key=lambda item: item["score"])
        x1, y1, x2, y2 = (round(value / 2) * 2 for value in best["box"])
        edges = [image[y1 + 10 : y2 - 10, x1 : x1 + 2], image[y2 - 2 : y2, x1 + 10 : x2 - 10]]
        for edge in edges:
            off = np.abs(np.median(edge.reshape(-1, 3), axis=0) - colour_of(places[best["class_id"]]))
            assert off.max() < 40, (result["frame"], best, off)
            checked += 1
    assert checked > 100
    # Others replace it, and the same change nothing.
    assert client.call("PUT", path, 200)["created_at"] == shape["created_at"]
    nothing = asked(client, path, min_score=1.0, labels=["person"])
    assert nothing["created_at"] > shape["created_at"]
    assert all(
        drawn(image, source[1]).mean() < 0.001
        for (_, image), source in zip(decoded(content(client, path)), plain, strict=True)
    )
    assert f"videos/{job['video_id']}/jobs/{job['id']}/annotated" in service.stored_files()
    client.call("DELETE", f"/jobs/{job['id']}", 204)
    client.problem("GET", path, 404, "not_found")
    assert f"videos/{job['video_id']}/jobs/{job['id']}/annotated" not in service.stored_files()


def test_an_annotated_copy_has_the_frames_of_a_sampled_part(client: Client, sample: Path) -> None:
    job = client.wait(client.start(client.upload(sample), options={"every_n": 4, "start_ms": 1000, "end_ms": 5000}))
    path = f"/jobs/{job['id']}/renditions/annotated"
    assert asked(client, path)["progress"]["frames_total"] == job["progress"]["frames_total"]
    frames = decoded(content(client, path))
    assert [round(float(time * 1000), 3) for time, _ in frames] == [frame["time_ms"] for frame in client.frames(job)]


def test_impossible_rendition_is_refused(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    client.problem("PUT", f"/videos/{video['id']}/renditions/annotated", 400, "malformed_request")
    client.problem("PUT", f"/videos/{'0' * 8}-0000-4000-8000-{'0' * 12}/{POSTER}", 404, "not_found")
    job = client.start(video)
    path = f"/jobs/{job['id']}/renditions/annotated"
    if client.job(job)["finished_at"] is None:
        assert "when it has ended" in client.problem("PUT", path, 409, "results_not_ready")
    client.wait(job)
    for wrong in ({"min_score": 2}, {"labels": "person"}, {"colour": "red"}, {"labels": ["a"] * 2}):
        client.problem("PUT", path, 422, "invalid_input", json=wrong)
    says = client.problem("PUT", path, 422, "invalid_options", json={"labels": ["person", "unicorn"]})
    assert says.startswith("the job did not look for unicorn, ")
    client.problem("PUT", path, 400, "malformed_request", content=b"{", headers={"Content-Type": "application/json"})
    assert client.call("PUT", path, 202, json={})["state"] in ("queued", "running")


# What follows breaks the service.


@pytest.fixture(scope="module")
def film() -> bytes:
    """A film whose copy takes a second or two."""
    return grey(FILM_FRAMES, (640, 360))


@contextmanager
def under_way(own: Embedded, client: Client, path: str) -> Iterator[list[psutil.Process]]:
    """The copy is asked for, and its process stands still after its first frames for the length of the context.

    Until then it goes on in steps: so the film need not be longer than a loaded machine is slow.
    """
    client.call("PUT", path, 202)
    until(lambda: renderers(own))
    (child,) = children = renderers(own)
    child.suspend()
    while client.call("GET", path, 200)["progress"]["frames_done"] == 0:
        child.resume()
        time.sleep(STEP_SECONDS)
        child.suspend()
        time.sleep(10 * STEP_SECONDS)  # the worker tells of it once a second: the film must last until then
    shape = client.call("GET", path, 200)
    assert shape["state"] == "running"
    assert 0 < shape["progress"]["fraction"] < 1
    try:
        yield children
    finally:
        with suppress(psutil.NoSuchProcess):
            child.resume()


def renderers(own: Embedded) -> list[psutil.Process]:
    """Those of copies: a poster is made after each upload."""
    return own.processes(r"processor\.renditions\.child .*playable")


def test_rendition_deleted_while_running_is_aborted(own: Embedded, film: bytes) -> None:
    client = own.client()
    before = own.settled_files()
    video = upload(client, film)
    path = f"/videos/{video['id']}/{PLAYABLE}"
    with under_way(own, client, path):
        client.problem("GET", f"{path}/content", 409, "rendition_not_ready")
        client.call("DELETE", f"/videos/{video['id']}", 204)
        until(lambda: not renderers(own))
    own.expect_files(before)


def test_rendition_of_a_killed_renderer_is_repeated(own: Embedded, film: bytes) -> None:
    client = own.client()
    path = f"/videos/{upload(client, film)['id']}/{PLAYABLE}"
    (worker,) = own.processes(r"processor\.render_worker")
    with under_way(own, client, path) as children:
        worker.kill()
    still_there(children, 60)
    assert not any(child.is_running() for child in children), "the process that it had started lives on"
    assert ready(client, path, 120)["progress"]["frames_done"] == FILM_FRAMES


def test_restarted_service_continues_the_rendition(own: Embedded, film: bytes) -> None:
    client = own.client()
    path = f"/videos/{upload(client, film)['id']}/{PLAYABLE}"
    with under_way(own, client, path):
        client.http.close()
        assert own.stop() == 0, "a service that waits for the copy, which stands still, is killed"
    own.start()
    again = Client(own.url).use(client.tokens)
    assert ready(again, path)["state"] == "ready"


def test_the_process_that_renders_is_its_own_end(own: Embedded, film: bytes) -> None:
    """A video that kills it fails, with a reason, and can be tried again."""
    client = own.client()
    path = f"/videos/{upload(client, film)['id']}/{PLAYABLE}"
    with under_way(own, client, path) as (child,):
        child.send_signal(signal.SIGSEGV)
    shape = ready(client, path)
    assert (shape["state"], shape["error"]["code"]) == ("failed", "video_refused")
    assert "broke the renderer" in shape["error"]["detail"]
    assert asked(client, path)["state"] == "ready"
