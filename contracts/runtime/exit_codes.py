"""How commands end: a status, and words on stderr for errors that whoever called them can do something about."""

import sys
from collections.abc import Callable, Mapping

from contracts.errors import SettingsError, WebDetectorError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130


def ended(run: Callable[[], int], words: Mapping[type[Exception], str]) -> int:
    """Run a command. Its own status, 1 after an error, 2 after wrong settings, 130 after an interrupt.

    words: what else than WebDetectorError is told, each type with what is said before the error's own text. A
    SettingsError among them is told as they are, with 1. All others are raised: they are mistakes of ours.
    """
    told: tuple[type[Exception], ...] = (WebDetectorError, *words)
    try:
        return run()
    except told as error:
        if isinstance(error, SettingsError) and SettingsError not in words:
            print(error.detail, file=sys.stderr)
            return MISUSED
        before = next((text for kind, text in words.items() if isinstance(error, kind)), "")
        # Of an error of the tables' library, what the database itself said: without the statement and its values.
        print(f"web-detector: {before}{getattr(error, 'orig', error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
