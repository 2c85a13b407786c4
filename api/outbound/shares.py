"""How the users of a process share its outbound calls."""

import threading
from collections import Counter


class Shares:
    """So many places. A user who holds some gets one more only if at least as many stay free: alone half of them, and
    of what one user leaves the next one half. The first place of a user needs a free one only."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, user: str) -> bool:
        """Take a place; False when there is none for this user now."""
        with self._lock:
            if self._free - 1 < self._held[user]:
                return False
            self._free -= 1
            self._held[user] += 1
            return True

    def give_back(self, user: str) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1
            self._held -= Counter({user: 1})  # drops users who hold none
