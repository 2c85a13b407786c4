"""Take the screenshots of the web UI for docs/page.md and the README.

    make screenshots

Starts a service with the sample clip and its scenes as separate videos, and Debian's Chromium. Screenshots are WebP
files of at most 80 kB.
"""

import io
import sys
import tempfile
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.browsing import CHROMIUM, FLAGS, PASSWORD, drop, step_to
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import ROOT, Client

IMAGES = ROOT / "docs" / "images"
SAMPLE = ROOT / "samples" / "things.mp4"
WIDE, NARROW = (1280, 900), (360, 780)
MOST_BYTES, MOST_BYTES_TOGETHER = 80_000, 600_000
SCHEMES = ("light", "dark")
# Videos with their frames of the sample (first, last); the job of the last one is shown.
SCENES = {"cat.mp4": (40, 79), "coffee.mp4": (92, 131), "things.mp4": (0, 211)}
SENT, SENT_FRAMES = "horse.mp4", (172, 211)
USER = "carol"
SHOWN = 120  # a frame of the sample with several objects
# The streams on the wall, oldest first: a name, and a camera that is not there or a frame of the sample that is pushed.
CAMERAS: dict[str, dict[str, str]] = {
    "Gate": {"kind": "rtsp", "url": "rtsp://gate.invalid/stream2"},
    "Telephone": {"kind": "webrtc"},
}
PUSHED = {"Kitchen": 110, "Sofa": 60}
PUSHES, PUSH_MS = 60, 2000  # until both are seen
SLOW_BYTES = 1_500_000  # large enough to take a while over the throttled connection


def main() -> None:
    """Entry point."""
    if not CHROMIUM.exists():
        sys.exit(f"{CHROMIUM} is not installed: tools/install-debian-packages installs it")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, sync_playwright() as playwright:
        service = Embedded(Path(folder) / "data").start()
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            client = service.client(USER)
            job = _prepare(client, Path(folder))
            for scheme in SCHEMES:
                _take(browser, service.url, scheme, job, client, Path(folder))
        finally:
            browser.close()
            service.stop()
    _check()


def _prepare(client: Client, folder: Path) -> str:
    """Process the videos, add streams, and create two API tokens; returns the id of the last job."""
    for name, frames in SCENES.items():
        job = client.detect(_cut(folder / name, *frames))
    for name, source in (CAMERAS | {pushed: {"kind": "push"} for pushed in PUSHED}).items():
        client.call("POST", "/streams", 201, json={"name": name, **source})
    for name in ("night shift", "notebook"):
        client.call("POST", "/tokens", 201, json={"name": name, "expires_in_days": 90})
    return str(job["id"])


def _cut(path: Path, first: int, last: int) -> Path:
    """Cut frames of the sample into a separate video."""
    with av.open(str(SAMPLE)) as reader, av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(islice(reader.decode(video=0), first, last + 1)):
            if not number:
                stream.width, stream.height = frame.width, frame.height
            plain = frame.reformat(format="yuv420p")
            plain.pts, plain.time_base, plain.pict_type = number, Fraction(1, 25), PictureType.NONE
            writer.mux(stream.encode(plain))
        writer.mux(stream.encode())
    return path


def _take(browser: Browser, url: str, scheme: str, job: str, client: Client, folder: Path) -> None:
    """Take all screenshots in one colour scheme."""
    context = _context(browser, scheme, WIDE)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    _shoot(page, f"sign-in-{scheme}", box=(340, 60, 940, 680))
    _sign_in(page)
    _job(page, f"{url}/jobs/{job}", f"job-{scheme}")
    page.goto(f"{url}/account")
    expect(page.get_by_role("heading", name="notebook")).to_be_visible()
    _shoot(page, f"account-{scheme}")
    _list(page, url, scheme, folder)
    _live(page, url, client, f"live-{scheme}")
    context.close()
    context = _context(browser, scheme, NARROW)
    page = context.new_page()
    page.goto(url)
    _sign_in(page)
    if scheme == "light":
        _job(page, f"{url}/jobs/{job}", "job-narrow")
    context.close()


def _context(browser: Browser, scheme: str, size: tuple[int, int]) -> BrowserContext:
    width, height = size
    return browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
    )


def _sign_in(page: Page) -> None:
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Videos", level=1)).to_be_visible()


def _job(page: Page, url: str, name: str) -> None:
    """The job page: a frame with its boxes, and the timeline."""
    page.goto(url)
    canvas = page.locator("canvas[data-frame]")
    expect(canvas).to_have_attribute("data-frame", "0")
    step_to(page, SHOWN)
    expect(page.locator(".plot")).not_to_have_attribute("aria-label", "Loading the plot")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    _shoot(page, name)


def _live(page: Page, url: str, client: Client, name: str) -> None:
    """The wall of streams: two with boxes, two that wait for their camera."""
    page.goto(f"{url}/live")
    expect(page.get_by_text("The camera does not answer")).to_be_visible()
    expect(page.get_by_text("No camera is sending")).to_be_visible()
    pictures = {name: _picture(frame) for name, frame in PUSHED.items()}
    streams = {stream["name"]: stream["id"] for stream in client.call("GET", "/streams", 200)["items"]}
    seen = page.locator("canvas[data-held='false']:not([data-boxes='0'])")
    for _ in range(PUSHES):
        for stream, picture in pictures.items():
            headers = {"Content-Type": "image/jpeg"}
            client.call("POST", f"/streams/{streams[stream]}/frames", 202, content=picture, headers=headers)
        page.wait_for_timeout(PUSH_MS)
        if seen.count() == len(PUSHED):
            _shoot(page, name)
            return
    sys.exit("no boxes of the streams were seen")


def _picture(frame: int) -> bytes:
    """A frame of the sample as JPEG."""
    with av.open(str(SAMPLE)) as reader:
        picture = next(islice(reader.decode(video=0), frame, None)).to_ndarray(format="rgb24")
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=90)
    return written.getvalue()


def _list(page: Page, url: str, scheme: str, folder: Path) -> None:
    """The list with a running upload, and the options dialog of that upload with a region."""
    path = _cut(folder / SENT, *SENT_FRAMES)
    # A `free` box, which players ignore, makes the file large.
    filler = SLOW_BYTES.to_bytes(4, "big") + b"free" + bytes(SLOW_BYTES - 8)
    path.write_bytes(path.read_bytes() + filler)
    page.goto(url)
    expect(page.get_by_role("link", name=SAMPLE.name, exact=True)).to_be_visible()
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 150_000}
    line.send("Network.emulateNetworkConditions", slow)
    drop(page, path)
    row = page.get_by_role("article", name=path.name)
    expect(row).to_be_visible()
    page.wait_for_timeout(4000)
    _shoot(page, f"list-{scheme}")
    row.get_by_role("button", name="Options").click()
    dialog = page.get_by_role("dialog")
    picture = dialog.locator(".region-picture")
    expect(picture).to_be_visible()
    page.wait_for_timeout(500)
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.97 * box["width"], box["y"] + 0.97 * box["height"], steps=4)
    page.mouse.up()
    _shoot(page, f"options-{scheme}")
    dialog.get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name=f"Cancel {path.name}").click()
    expect(row).to_have_count(0)


def _shoot(page: Page, name: str, box: tuple[int, int, int, int] | None = None) -> None:
    """Write a screenshot, or a part of it (left, top, right, bottom), as a small WebP file."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image = image.crop(box) if box else image
    for quality in (85, 75, 65, 55, 45):
        written = io.BytesIO()
        image.save(written, "WEBP", quality=quality, method=6)
        if written.tell() <= MOST_BYTES:
            break
    (IMAGES / f"{name}.webp").write_bytes(written.getvalue())
    print(f"{name}: {image.width}x{image.height}, {written.tell() / 1000:.0f} kB")


def _check() -> None:
    sizes = {path.name: path.stat().st_size for path in IMAGES.glob("*.webp")}
    too_large = [name for name, size in sizes.items() if size > MOST_BYTES]
    if too_large or sum(sizes.values()) > MOST_BYTES_TOGETHER:
        sys.exit(
            f"too large: {too_large or 'all together'}; {sum(sizes.values()) / 1000:.0f} kB in {len(sizes)} pictures"
        )


if __name__ == "__main__":
    main()
