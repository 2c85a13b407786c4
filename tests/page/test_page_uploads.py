"""Sending files on the page in a real browser: what breaks off goes on, and what cannot be taken is told."""

import hashlib
import random
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Locator, Page, Request, expect

from tests.support.browsing import register, tidy
from tests.support.deployments.service import Client, Service
from tests.support.servers.proxy import Proxy
from tests.support.videos.big_file import big

SIZE = 4_900_000
CUTS = 6
WAIT_MS = 120_000


@pytest.fixture(scope="session")
def large(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose bytes all differ from those around them."""
    path = big(sample, tmp_path_factory.mktemp("large") / "large.mp4", SIZE)
    room = sample.stat().st_size + 16
    with path.open("r+b") as file:
        file.seek(room)
        file.write(random.Random(5).randbytes(SIZE - room))
    return path


class Sent:
    """The requests of a page that send files: their methods, and where they go on."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        page.on("request", lambda request: self.requests.append(request) if "/api/v1/uploads" in request.url else None)

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)

    def offsets(self) -> list[int]:
        return [int(r.headers["upload-offset"]) for r in self.requests if r.method == "PATCH"]


def choose(page: Page, path: Path) -> Locator:
    """Choose a file of the disk, with the times that it has there; the row of its upload."""
    page.get_by_label("Videos to upload").set_input_files(path)
    return row_of(page, path)


def row_of(page: Page, path: Path) -> Locator:
    return page.get_by_role("article", name=path.name)


def arrived_whole(page: Page, client: Client, path: Path) -> None:
    """Its job began by itself, and what is stored is the file; then it goes again."""
    expect(page.get_by_role("listitem").get_by_role("link", name=path.name, exact=True)).to_be_visible(timeout=WAIT_MS)
    (video,) = client.call("GET", "/videos", 200)["items"]
    assert video["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    (job,) = client.call("GET", "/jobs", 200)["items"]
    assert job["video_id"] == video["id"]
    tidy(client)


def test_interrupted_upload_resumes_automatically(service: Service, page: Page, large: Path) -> None:
    places = sorted(random.Random(11).sample(range(200_000, SIZE - 200_000), CUTS))
    with Proxy(service.port, [(place, "cut") for place in places]) as proxy:
        client = register(page, service, proxy.url)
        sent = Sent(page)
        choose(page, large)
        arrived_whole(page, client, large)
        assert proxy.left == 0
    assert sent.count("POST") == 1, "it began anew"
    # Browsers send a request again by themselves when a connection breaks that was used before: no offset is twice for
    # the service all the same.
    assert sent.offsets()[0] == 0
    assert max(sent.offsets()) > 100_000, "nothing was kept"


def test_upload_is_paused_and_resumed_by_its_buttons(service: Service, page: Page, large: Path) -> None:
    with Proxy(service.port, [(SIZE // 2, "hang")]) as proxy:
        client = register(page, service, proxy.url)
        sent = Sent(page)
        row = choose(page, large)
        assert proxy.hangs.wait(WAIT_MS / 1000)
        row.get_by_role("button", name="Pause").click()
        expect(row).to_contain_text("paused")
        assert client.call("GET", "/videos", 200)["items"] == []
        assert sent.offsets() == [0]
        row.get_by_role("button", name="Resume").click()
        arrived_whole(page, client, large)
    assert sent.count("POST") == 1
    assert max(sent.offsets()) > SIZE / 4


def test_upload_resumes_after_a_reload_when_the_file_is_chosen_again(service: Service, page: Page, large: Path) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    with Proxy(service.port, [(SIZE // 2, "hang")]) as proxy:
        client = register(page, service, proxy.url)
        page.on("dialog", leave)
        choose(page, large)
        assert proxy.hangs.wait(WAIT_MS / 1000)
        page.reload()
        assert asked == ["beforeunload"], "it does not say that something is being sent"
        note = page.get_by_text("was only partially uploaded")
        expect(note).to_contain_text(large.name)
        sent = Sent(page)
        choose(page, large)
        expect(note).to_have_count(0)
        arrived_whole(page, client, large)
    assert sent.count("POST") == 0, "it began anew"
    assert sent.count("HEAD") >= 1
    assert min(sent.offsets()) > SIZE / 4


def test_signing_out_asks_nothing_and_the_upload_is_resumed_later(service: Service, page: Page, large: Path) -> None:
    asked: list[Dialog] = []
    page.on("dialog", lambda dialog: asked.append(dialog))
    with Proxy(service.port, [(SIZE // 2, "hang")]) as proxy:
        client = register(page, service, proxy.url)
        choose(page, large)
        assert proxy.hangs.wait(WAIT_MS / 1000)
        page.get_by_role("button", name="User menu").click()
        page.get_by_role("menuitem", name="Sign out").click()
        page.get_by_label("Username").fill(client.username)
        page.get_by_label("Password", exact=True).fill(client.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_text("was only partially uploaded")).to_contain_text(large.name)
    assert not asked


def test_file_that_is_not_a_video_gets_advice(service: Service, page: Page, tmp_path: Path) -> None:
    client = register(page, service)
    text = tmp_path / "notes.mp4"
    text.write_text("This is a text and no video at all. " * 100)
    row = choose(page, text)
    expect(row).to_contain_text("This is not a video that can be read: send a video file", timeout=WAIT_MS)
    assert "Error" not in row.inner_text()
    assert client.call("GET", "/videos", 200)["items"] == []
    row.get_by_role("button", name=f"Dismiss {text.name}").click()
    expect(row).to_have_count(0)


def test_a_file_over_the_limit_is_refused_before_it_is_sent(service: Service, page: Page, tmp_path: Path) -> None:
    client = register(page, service)
    sent = Sent(page)
    path = tmp_path / "huge.mp4"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(5_000_001)
    row = choose(page, path)
    expect(row).to_contain_text("larger than 5000000 bytes", timeout=WAIT_MS)
    expect(row).to_contain_text("cut or compress it")
    assert [request.method for request in sent.requests] == ["POST"]
    assert not sent.requests[0].post_data_buffer
    assert client.call("GET", "/videos", 200)["items"] == []
