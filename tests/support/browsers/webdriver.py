"""A browser that is driven by WebDriver, the standard of the W3C: for those that Playwright does not drive."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.waiting import until

# The elements of a kind that are shown and have this text, label or name, within the dialog where one is open.
_FIND = """
const [selector, name] = arguments;
const within = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
const tidy = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
const named = (element) => [
  element.getAttribute("aria-label"),
  ...[...(element.labels ?? [])].flatMap((label) => [label.innerText, label.querySelector("strong")?.innerText]),
  element.innerText,
].some((text) => tidy(text) === name);
return [...within.querySelectorAll(selector)].filter((one) => one.getClientRects().length && named(one));
"""
_BUTTONS = "button, a, summary, input[type=radio]"


class Driver:
    """A page in a browser. send: a command to it, by its name in Marionette, with its parameters; what it answers."""

    def __init__(self, name: str, version: str, send: Callable[[str, dict[str, Any]], Any]) -> None:
        self.name, self.version, self._send = name, version, send
        send("SetTimeouts", {"script": 300_000})

    def open(self, url: str) -> None:
        self._send("Navigate", {"url": url})

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """What a function in JavaScript returns, as Playwright's `evaluate` does."""
        script = (
            "const [argument, done] = arguments;"
            f"(async () => ({function})(argument))()"
            ".then((value) => done({ value }), (error) => done({ error: String(error) }));"
        )
        answer = self._send("ExecuteAsyncScript", {"script": script, "args": [argument]})
        assert "error" not in answer, f"{self.name}: {answer['error']}"
        return answer.get("value")

    def find(self, selector: str, name: str) -> str:
        """The id of the first element with that name, as soon as it is shown."""
        found: list[dict[str, str]] = []

        def looked() -> bool:
            found[:] = self._send("ExecuteScript", {"script": _FIND, "args": [selector, name]})
            return bool(found)

        until(looked)
        return next(iter(found[0].values()))

    def press(self, name: str, selector: str = _BUTTONS) -> None:
        """Click a button, a link or a choice."""
        self._send("ElementClick", {"id": self.find(selector, name)})

    def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        self._send("ElementSendKeys", {"id": self.find("input, textarea", label), "text": text})

    def choose_file(self, path: Path) -> None:
        """Give a file to the page's field for files, which is not shown."""
        script = "return document.querySelector('input[type=file]')"
        found = self._send("ExecuteScript", {"script": script, "args": []})
        self._send("ElementSendKeys", {"id": next(iter(found.values())), "text": str(path)})

    def wait_for(self, function: str) -> None:
        """Return when a function in JavaScript returns something true."""
        until(lambda: self.evaluate(function))

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("TakeScreenshot", {"full": False})))
