"""Firefox, driven through its own port for that (Marionette): Debian has no geckodriver."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.browsers.webdriver import Driver
from tests.support.requirements import missing
from tests.support.waiting import until

FIREFOX = Path("/usr/bin/firefox-esr")
_PREFERENCES = {
    # A webcam that is allowed without a question, and WebRTC over 127.0.0.1.
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
    # It would fetch an encoder for H.264 from the internet, at a time of its own.
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-manager.url.override": "http://127.0.0.1:1/",
    "marionette.port": 0,  # a free one, which it writes into its profile
}


@contextmanager
def running_firefox(profile: Path) -> Iterator[Driver]:
    """Headless Firefox until the context ends. profile: an empty folder."""
    if not FIREFOX.exists():
        missing(f"{FIREFOX} is not installed: make test-browsers installs it")
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [str(FIREFOX), "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            port = profile / "MarionetteActivePort"
            until(lambda: port.exists() and port.read_text(), 60)
            with closing(_Marionette(int(port.read_text()))) as marionette:
                capabilities = marionette.send("NewSession", {})["capabilities"]
                yield Driver("Firefox", capabilities["browserVersion"], marionette.send)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()  # nothing where it has ended


class _Marionette:
    """Commands and answers in JSON, each with its length before it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=400)
        self._reader = self._socket.makefile("rb")
        self._read()  # who it is

    def send(self, name: str, parameters: dict[str, Any]) -> Any:
        message = json.dumps([0, 1, f"WebDriver:{name}", parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        if error:
            raise AssertionError(f"{name} {parameters}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (digit := self._reader.read(1)) != b":":
            assert digit, "Firefox has ended"
            length += digit
        return json.loads(self._reader.read(int(length)))
