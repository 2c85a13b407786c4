"""How long a client waits before it asks again."""

import time

LEAST_SECONDS = 0.3
MOST_SECONDS = 2.0
# Of the time that a wait has lasted, what a pause may add to it.
_PART = 0.1
# That the service may ask for: a limit of requests is one of a minute.
_ASKED_SECONDS = 60.0


class Pace:
    """Of one wait, from its making on. What is done within seconds is seen at once; what takes minutes is asked for
    every two seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def pause(self, asked: float = 0.0) -> None:
        """Sleep. asked: seconds for which the service wants no other request."""
        lasted = time.monotonic() - self._began
        usual = min(max(LEAST_SECONDS, lasted * _PART), max(LEAST_SECONDS, MOST_SECONDS))
        time.sleep(max(usual, min(asked, _ASKED_SECONDS)))
