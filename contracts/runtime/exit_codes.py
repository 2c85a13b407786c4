"""Exit codes of commands, and messages on stderr for errors that the user can act on."""

import sys
from collections.abc import Callable, Mapping

from contracts.errors import SettingsError, WebDetectorError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130


def ended(run: Callable[[], int], words: Mapping[type[Exception], str]) -> int:
    """Run a command; returns its status, 1 after an error, 2 after wrong settings, 130 after an interrupt.

    words: further error types to report besides WebDetectorError, each with the text before its own message. A
    SettingsError listed there gives status 1. All other errors are bugs and are raised.
    """
    told: tuple[type[Exception], ...] = (WebDetectorError, *words)
    try:
        return run()
    except told as error:
        if isinstance(error, SettingsError) and SettingsError not in words:
            print(error.detail, file=sys.stderr)
            return MISUSED
        before = next((text for kind, text in words.items() if isinstance(error, kind)), "")
        # For an SQLAlchemy error the message of the database, without the statement and its values.
        print(f"web-detector: {before}{getattr(error, 'orig', error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
