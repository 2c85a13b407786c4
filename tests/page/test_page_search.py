"""The wall of hits in a real browser, with more of them than a page can hold."""

import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.support.browsing import register
from tests.support.deployments.service import Service

HITS, PAGE = 10_000, 1000
# Those on a screen of 1280x720 with two rows above and below.
MOST_ITEMS, MOST_ELEMENTS = 60, 1000
ID = "00000000-0000-4000-8000-000000000000"


def test_ten_thousand_hits_are_no_more_elements_than_a_screen_of_them(service: Service, page: Page) -> None:
    page.route(re.compile(r"/api/v1/search\?"), answer)
    page.route(
        re.compile(r"/tracks/\d+/picture"), lambda route: route.fulfill(body=picture(), content_type="image/jpeg")
    )
    register(page, service)
    page.goto(f"{service.url}/search")
    for number in range(PAGE, HITS + 1, PAGE):  # each end that is reached brings the next page
        last = number == HITS
        expect(
            page.get_by_role("status").filter(has_text=f"{number:,}{'' if last else ' or more'} found")
        ).to_be_visible()
        bounded(page)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(hit(page, HITS - 1)).to_be_in_viewport()
    bounded(page)
    for part in (0.9, 0.5, 0.1):
        page.evaluate("part => scrollTo(0, part * document.documentElement.scrollHeight)", part)
        expect(hit(page, shown(page))).to_be_in_viewport()
        assert abs(shown(page) / HITS - part) < 0.02
        bounded(page)
    page.evaluate("scrollTo(0, 0)")
    expect(hit(page, 0)).to_be_in_viewport()
    bounded(page)


def bounded(page: Page) -> None:
    """What is in the page is what is on the screen, however many hits there are and wherever it was scrolled to."""
    items, elements = page.evaluate(
        "[document.querySelectorAll('.hit-wall > li').length, document.getElementsByTagName('*').length]"
    )
    assert 0 < items < MOST_ITEMS
    assert elements < MOST_ELEMENTS


def hit(page: Page, number: int) -> Any:
    return page.get_by_role("list", name="Hits").get_by_role("link", name=re.compile(f"^thing {number} "))


def shown(page: Page) -> int:
    """The number of a hit in the middle of the screen, when the wall has followed the scrolling."""
    found = page.wait_for_function(
        """() => {
          const items = [...document.querySelectorAll(".hit-wall > li")];
          const isMiddle = ({ top, bottom }) => top <= innerHeight / 2 && bottom + 10 >= innerHeight / 2;
          return items.find((item) => isMiddle(item.getBoundingClientRect()))?.getAttribute("aria-posinset");
        }"""
    )
    return int(found.json_value()) - 1


def answer(route: Route) -> None:
    """A page of hits."""
    (first,) = parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])
    following = int(first) + PAGE
    hits = [one(number) for number in range(int(first), following)]
    route.fulfill(json={"hits": hits, "next_cursor": str(following) if following < HITS else None})


def one(number: int) -> dict[str, Any]:
    where = {"job_id": ID, "video_id": ID, "video_name": "street.mp4", "source": None, "at": None}
    place = {"best_frame": number, "best_ms": 40 * number, "best_box": [10, 10, 60, 60]}
    return {**where, **place, "track": number + 1, "label": f"thing {number}", "score": 0.9, "from_ms": 0, "to_ms": 900}


def picture() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 150)).save(sink, "JPEG")
    return sink.getvalue()
