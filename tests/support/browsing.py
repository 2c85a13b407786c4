"""What a user does on the page, and what the page shows, for tests in a browser."""

import base64
import uuid
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browsers.webdriver import Driver
from tests.support.deployments.service import Client, Service

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct-horse-battery"


def register(page: Page, service: Service, url: str | None = None) -> Client:
    """Create an account on the page; a client of the API with the same user. url: where the page is, if elsewhere."""
    name = f"page-{uuid.uuid4().hex[:8]}"
    # The colours of labels, which stay the same when tracks come.
    page.add_init_script("localStorage.getItem('wd.colouring') ?? localStorage.setItem('wd.colouring', '\"label\"')")
    page.goto(url or service.url)
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Videos", level=1)).to_be_visible()
    client = Client(service.url)
    client.username, client.password = name, PASSWORD
    return client.use(client.call("POST", "/auth/login", 200, json={"username": name, "password": PASSWORD}))


def tidy(client: Client) -> None:
    """End what runs for a user, and delete all."""
    for job in client.call("GET", "/jobs", 200)["items"]:
        if job["finished_at"] is None:
            client.request("POST", f"/jobs/{job['id']}/cancel")
        client.wait(job)
    for video in client.call("GET", "/videos", 200)["items"]:
        client.call("DELETE", f"/videos/{video['id']}", 204)


def drop(page: Page, *paths: Path) -> None:
    """Drop files onto the page."""
    files = [{"name": path.name, "data": base64.b64encode(path.read_bytes()).decode()} for path in paths]
    page.evaluate(
        """files => {
          const carried = new DataTransfer();
          for (const { name, data } of files) {
            const bytes = Uint8Array.from(atob(data), (payload) => payload.charCodeAt(0));
            carried.items.add(new File([bytes], name, { type: "video/mp4" }));
          }
          const kinds = ["dragenter", "dragover", "drop"];
          for (const kind of kinds) {
            const event = new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
          }
        }""",
        files,
    )


# Plays until so many pictures were seen. A video that ends before is played again, slower each time: for busy machines.
_PLAYING = """
const playing = async (video, seen, pictures) => {
  const enough = () => new Set(seen.map(([ms]) => ms)).size >= pictures;
  for (let round = 0; round < 4 && !enough(); round++) {
    if (round) video.playbackRate = Math.max(video.playbackRate / 2, 0.1);
    await video.play();
    while (!enough() && !video.ended) await new Promise((done) => setTimeout(done, 20));
  }
  video.pause();
  return seen;
};
"""


def shown_while_playing(page: Page | Driver, pictures: int) -> list[tuple[float, int, int]]:
    """Play until so many pictures came onto the screen: for each its time in ms, and the frame and the number of boxes
    that were drawn over it at that moment. Fewer where the video does not play."""
    seen: list[Any] = page.evaluate(
        f"""async pictures => {{ {_PLAYING}"""
        """
          const video = document.querySelector("video");
          const canvas = document.querySelector("canvas[data-frame]");
          const seen = [];
          const look = (_now, picture) => {
            video.requestVideoFrameCallback(look);
            // After the page's own callback for the same picture.
            queueMicrotask(() => seen.push([picture.mediaTime * 1000, canvas.dataset.frame, canvas.dataset.boxes]));
          };
          video.requestVideoFrameCallback(look);
          return await playing(video, seen, pictures);
        }""",
        pictures,
    )
    return [(ms, int(frame), int(boxes)) for ms, frame, boxes in seen if frame != ""]


def numbers_while_playing(page: Page, pictures: int, bits: int) -> list[tuple[float, int, int]]:
    """Play until so many pictures came onto the screen: for each its time in ms, the frame that the page took it for,
    and the number that it shows (see tests.support.videos.formats.numbered)."""
    seen: list[Any] = page.evaluate(
        f"""async ([pictures, bits]) => {{ {_PLAYING}"""
        """
          const video = document.querySelector("video");
          const overlay = document.querySelector("canvas[data-frame]");
          const copy = Object.assign(document.createElement("canvas"), { width: bits * 8, height: 8 });
          const context = copy.getContext("2d", { willReadFrequently: true });
          const seen = [];
          const look = (_now, picture) => {
            video.requestVideoFrameCallback(look);
            // When this comes late, the video may show the next picture already.
            const inHand = new VideoFrame(video);
            const late = Math.abs(inHand.timestamp / 1e6 - picture.mediaTime) > 0.001;
            if (!late) context.drawImage(inHand, 0, 0, copy.width, copy.height);
            inHand.close();
            if (late) return;
            const { data } = context.getImageData(0, 4, copy.width, 1);
            let number = 0;
            for (let bit = 0; bit < bits; bit++) number += data[4 * (bit * 8 + 4)] > 127 ? 2 ** bit : 0;
            // After the page's own callback for the same picture.
            queueMicrotask(() => seen.push([picture.mediaTime * 1000, overlay.dataset.frame, number]));
          };
          video.requestVideoFrameCallback(look);
          return await playing(video, seen, pictures);
        }""",
        [pictures, bits],
    )
    return [(ms, int(frame), number) for ms, frame, number in seen if frame != ""]


def step_to(page: Page, frame: int) -> None:
    """Show a frame, with the keys that step."""
    canvas = page.locator("canvas[data-frame]")
    page.locator(".seek-bar").focus()
    page.evaluate(
        """async frame => {
          const canvas = document.querySelector("canvas[data-frame]");
          const until = performance.now() + 30000;
          while (Number(canvas.dataset.frame) !== frame || canvas.dataset.frame === "") {
            if (performance.now() > until) throw new Error(`frame ${frame} is not shown, but ${canvas.dataset.frame}`);
            const key = Number(canvas.dataset.frame) < frame ? "." : ",";
            const before = canvas.dataset.frame;
            const press = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(press);
            const moved = performance.now() + 500;
            while (canvas.dataset.frame === before && performance.now() < moved) {
              await new Promise((done) => setTimeout(done, 5));
            }
          }
        }""",
        frame,
    )
    expect(canvas).to_have_attribute("data-frame", str(frame))


def colours_at(page: Page, x: float, y: float) -> set[str]:
    """The colours of the canvas on and right beside a place of the displayed frame, as CSS writes them: lines that lie
    between pixels are mixed at their edges."""
    found: list[str] = page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector("canvas[data-frame]");
          const video = document.querySelector("video");
          const scale = Math.min(canvas.width / video.videoWidth, canvas.height / video.videoHeight);
          const left = (canvas.width - scale * video.videoWidth) / 2;
          const top = (canvas.height - scale * video.videoHeight) / 2;
          const { data } = canvas.getContext("2d")
            .getImageData(Math.floor(left + x * scale) - 2, Math.floor(top + y * scale) - 2, 5, 5);
          return Array.from({ length: 25 }, (_, i) => `rgb(${data[4 * i]}, ${data[4 * i + 1]}, ${data[4 * i + 2]})`);
        }""",
        [x, y],
    )
    return set(found)


def is_drawn(page: Page, detection: dict[str, Any]) -> bool:
    """Whether a box of the API is on the canvas, in the colour of its label."""
    x1, y1, x2, y2 = detection["box"]
    colour = page.locator(".label-row", has_text=detection["label"]).locator(".swatch").first
    expected = colour.evaluate("swatch => getComputedStyle(swatch).backgroundColor")
    # Where boxes lie over each other, one hides a line of the other, and not all of them.
    sides = ((x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2), ((x1 + x2) / 2, y1), ((x1 + x2) / 2, y2))
    return any(expected in colours_at(page, *place) for place in sides)
