"""The page behind Debian's nginx, as docs/deploy.md configures it: everything at one address."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.browsing import register, tidy
from tests.support.deployments.service import Service
from tests.support.servers.debian import require
from tests.support.servers.gateway import Nginx


def test_a_stream_is_seen_through_a_gateway(service: Service, page: Page, sample: Path) -> None:
    require("nginx", "setpriv")
    with Nginx(service.port) as gateway:
        address = f"http://127.0.0.1:{gateway.wait().port}"
        client = register(page, service, address)
        video = client.upload(sample)["id"]
        stream = client.call("POST", "/streams", 201, json={"kind": "video", "video_id": video, "name": "Loop"})
        page.goto(f"{address}/live")
        tile = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Loop", exact=True))
        expect(tile.locator("canvas[data-time]")).to_have_count(1, timeout=60_000)  # a picture was shown
        client.call("DELETE", f"/streams/{stream['id']}", 204)
        tidy(client)
