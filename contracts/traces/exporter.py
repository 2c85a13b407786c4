"""Sends recorded steps to a collector, in a thread that begins with the first one: after the fork, in a process that
forks. Imported only where TRACES_URL is set."""

import logging
import os
import socket
import threading
import traceback
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote

import urllib3

from contracts import RELEASE
from contracts.metrics.table import SPANS
from contracts.metrics.totals import Counts
from contracts.runtime.steps import Fact, Recorded
from contracts.traces import otlp

log = logging.getLogger(__name__)

_PATH = "/v1/traces"
# As OpenTelemetry's SDKs have it.
MOST_WAITING = 2048
_MOST_AT_ONCE = 512
_INTERVAL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 32.0
_ANSWER_SECONDS = 5.0
_ANSWER_BYTES = 64 * 1024
# A collector that may take the same later: see the specification's "OTLP/HTTP Throttling".
_LATER = frozenset({429, 502, 503, 504})


class Exporter:
    """Of one process. What does not get through waits, the oldest go when too many do, and all that do not arrive are
    counted. Nobody ever waits for it but `close`, for so long at most."""

    def __init__(self, url: str, service: str, counts: Counts, most: int = MOST_WAITING) -> None:
        """url: as in TRACES_URL. service: its name, as a collector shows it. most: steps that may wait."""
        address = urllib3.util.parse_url(url)
        path = (address.path or "").rstrip("/").removesuffix(_PATH) + _PATH
        self._url = address._replace(auth=None, path=path).url
        self._headers = {"Content-Type": otlp.CONTENT_TYPE, "User-Agent": f"web-detector/{RELEASE}"}
        if address.auth:
            self._headers |= urllib3.make_headers(basic_auth=unquote(address.auth))
        self._service, self._counts, self._most = service, counts, most
        self.reset()

    def reset(self) -> None:
        """Begin anew, with nothing: in a process that was just forked."""
        self._waiting: deque[Recorded] = deque()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._is_failing = self._has_told_fault = False

    def add(self, ended: Recorded) -> None:
        """Send a step, soon."""
        if self._thread is None:
            self._start()
        self._waiting.append(ended)
        self._drop_beyond(self._most)

    def close(self, seconds: float) -> None:
        """Send what is left, within so many seconds. What is added later is dropped."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)
        self._drop_beyond(0)
        self._most = 0
        self._counts.flush()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="traces", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads for now, or the interpreter ends: no fault of the step
                    return
                self._thread = thread

    def _run(self) -> None:
        resource = _resource(self._service)
        pause = _INTERVAL_SECONDS
        with urllib3.PoolManager(maxsize=1, timeout=urllib3.Timeout(total=_ANSWER_SECONDS), retries=False) as pool:
            is_last = False
            while not is_last:
                is_last = self._stopping.wait(pause)
                is_through = self._send_all(pool, resource)
                pause = _INTERVAL_SECONDS if is_through else min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _send_all(self, pool: urllib3.PoolManager, resource: Mapping[str, Fact]) -> bool:
        """Whether the collector has taken, or refused, all that was there."""
        while batch := self._next():
            try:
                taken = self._taken(pool, otlp.request(resource, batch), len(batch))
            except Exception as error:  # a fault of ours: the next ones may do
                self._tell_fault(error)
                taken = 0
            if taken is None:
                self._waiting.extendleft(reversed(batch))
                self._drop_beyond(self._most)
                return False
            self._counts.add(SPANS, taken, "sent")
            self._counts.add(SPANS, len(batch) - taken, "dropped")
        return True

    def _next(self) -> list[Recorded]:
        """The oldest ones, of which others may drop some at the same time."""
        batch: list[Recorded] = []
        with suppress(IndexError):
            while len(batch) < _MOST_AT_ONCE:
                batch.append(self._waiting.popleft())
        return batch

    def _taken(self, pool: urllib3.PoolManager, body: bytes, count: int) -> int | None:
        """How many of so many spans the collector takes; None where it may take them later."""
        try:
            with pool.request("POST", self._url, body=body, headers=self._headers, preload_content=False) as answer:
                status, said = answer.status, answer.read(_ANSWER_BYTES)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._tell(f"it does not answer: {type(error).__name__}")
            return None
        if status in _LATER:
            self._tell(f"it answers {status}")
            return None
        if not 200 <= status < 300:
            self._tell(f"it refuses them with {status}")
            return 0
        if self._is_failing:
            log.info("the collector takes traces again")
            self._is_failing = False
        return max(0, count - otlp.rejected(said))

    def _tell(self, trouble: str) -> None:
        """Say once what is wrong. Not the URL, and no text of the library, which may have it."""
        if not self._is_failing:
            log.warning("traces do not get to the collector at TRACES_URL: %s", trouble)
        self._is_failing = True

    def _tell_fault(self, error: Exception) -> None:
        """Say once where it is. Not its text either."""
        if not self._has_told_fault:
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("traces are lost: %s at %s:%s", type(error).__name__, place.filename, place.lineno)
        self._has_told_fault = True

    def _drop_beyond(self, most: int) -> None:
        dropped = 0
        while len(self._waiting) > most:
            try:
                self._waiting.popleft()
            except IndexError:  # the thread has just taken it
                break
            dropped += 1
        if dropped:
            self._counts.add(SPANS, dropped, "dropped")


def _resource(service: str) -> dict[str, Fact]:
    """What says which process did something, by OpenTelemetry's conventions."""
    host, process = socket.gethostname(), os.getpid()
    return {
        "service.name": service,
        "service.version": RELEASE,
        "service.instance.id": f"{host}-{process}",
        "host.name": host,
        "process.pid": process,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "web-detector",
        "telemetry.sdk.version": RELEASE,
    }
