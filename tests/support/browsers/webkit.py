"""WebKitGTK in the small browser that comes with its driver, on a screen of its own."""

import json
import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.support.browsers.webdriver import Driver
from tests.support.requirements import missing
from tests.support.waiting import until

DRIVER, SCREEN = Path("/usr/bin/WebKitWebDriver"), Path("/usr/bin/Xvfb")
BROWSER = Path("/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser")
# Where a command is in the standard's protocol.
_PLACES = {
    "Navigate": "url",
    "ElementClick": "element/{id}/click",
    "ElementSendKeys": "element/{id}/value",
    "ExecuteScript": "execute/sync",
    "ExecuteAsyncScript": "execute/async",
    "SetTimeouts": "timeouts",
    "TakeScreenshot": "screenshot",
}


@contextmanager
def running_webkit() -> Iterator[Driver]:
    """WebKitGTK until the context ends."""
    for needed in (DRIVER, SCREEN, BROWSER):
        if not needed.exists():
            missing(f"{needed} is not installed: make test-browsers installs it")
    with _screen() as display, _driver(display) as url:
        options = {"binary": str(BROWSER), "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        session = _call("POST", f"{url}/session", wanted)
        place = f"{url}/session/{session['sessionId']}"

        def send(name: str, parameters: dict[str, Any]) -> Any:
            method = "GET" if name == "TakeScreenshot" else "POST"
            return _call(method, f"{place}/{_PLACES[name].format(**parameters)}", parameters)

        try:
            yield Driver("WebKitGTK", session["capabilities"]["browserVersion"], send)
        finally:
            _call("DELETE", place)


def _call(method: str, url: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if method == "POST" else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=400) as answer:
            return json.load(answer)["value"]
    except HTTPError as error:
        raise AssertionError(f"{url} {body}: {error.read().decode()}") from None


@contextmanager
def _screen() -> Iterator[str]:
    """A screen that nobody sees; its name."""
    reader, writer = os.pipe()
    command = [str(SCREEN), "-displayfd", str(writer), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        try:
            with os.fdopen(reader) as lines:
                yield f":{lines.readline().strip()}"
        finally:
            process.terminate()


@contextmanager
def _driver(display: str) -> Iterator[str]:
    """The driver's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Without a graphics card, painting by the CPU costs least; compositing has to stay, or pictures are not told.
    # LC_ALL: machines that only show a wall often have no language.
    extra = {"DISPLAY": display, "GDK_BACKEND": "x11", "LC_ALL": "C", "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1"}
    environ = {**os.environ, **extra}
    command = [str(DRIVER), f"--port={port}", "--host=127.0.0.1"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: _answers(port), 30)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
