"""A real browser for tests. While it runs in a thread, no event loop can be started there: Playwright has one."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.browsing import CHROMIUM, FLAGS
from tests.support.requirements import missing


@contextmanager
def running_chromium(*flags: str) -> Iterator[Browser]:
    """Headless Chromium until the context ends. flags: further ones."""
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is not installed: tools/install-debian-packages installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *flags])
        expect.set_options(timeout=60_000)  # of a busy machine; what is there is seen at once
        yield started
        started.close()
