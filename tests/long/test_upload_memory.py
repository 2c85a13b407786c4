"""An upload of a gibibyte passes through: nobody holds it in memory."""

import re
import threading
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client
from tests.support.videos.big_file import KINDS, big, send, send_piece

SIZE = 1024**3
ROOM = 64 * 1024**2
# Those that come and go.
_COMING = ("processor.probe.child", "processor.renditions.child")


class Peaks:
    """The most memory (resident bytes) that each of the service's processes has had since the last look.

    Those that come and go, for a probe and a poster, are told apart by their command.
    """

    def __init__(self, service: Embedded) -> None:
        self._service = service
        self._coming: dict[str, int] = {}
        self._done = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[dict[str, int]]:
        """The peaks while the context lasts, known at its end."""
        staying = {process.pid: " ".join(process.cmdline()[:6]) for process in self._service.processes()}
        for pid in staying:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew at what is held now
        self._coming, self._done = {}, threading.Event()
        watcher = threading.Thread(target=self._watch, args=(staying,))
        watcher.start()
        found: dict[str, int] = {}
        try:
            yield found
        finally:
            self._done.set()
            watcher.join()
        found.update({f"{pid} {name}": _peak(pid) for pid, name in staying.items()})
        found.update(self._coming)

    def _watch(self, staying: Container[int]) -> None:
        while not self._done.wait(0.01):
            for name in _COMING:
                for process in self._service.processes(rf"{re.escape(name)} "):
                    if process.pid not in staying:
                        with suppress(psutil.NoSuchProcess):
                            self._coming[name] = max(self._coming.get(name, 0), _peak(process.pid))


def _peak(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    running = Embedded(tmp_path_factory.mktemp("roomy") / "data").start()
    yield running
    running.stop()


def sent(roomy: Embedded, client: Client, path: Path, kind: str) -> Any:
    """The video of a file that was sent, with its poster."""
    token = client.tokens["access_token"]
    video_id = send_piece(roomy.port, token, path) if kind == "piece" else send(roomy.port, token, path, kind)["id"]
    deadline = time.monotonic() + 60
    while (video := client.call("GET", f"/videos/{video_id}", 200))["links"]["poster"] is None:
        assert time.monotonic() < deadline, "no poster was made"
        time.sleep(0.05)
    return video


def peaks_of(roomy: Embedded, work: Callable[[], Any]) -> tuple[dict[str, int], Any]:
    """The peaks while it works, and what it gives; again where one that comes and goes was not caught at it."""
    for _ in range(10):
        with Peaks(roomy).watched() as found:
            result = work()
        if all(name in found for name in _COMING):
            return found, result
    raise AssertionError(f"these were never seen: {_COMING}")


@pytest.mark.parametrize("kind", [*KINDS, "piece"])
def test_uploading_a_gibibyte_does_not_increase_memory(
    roomy: Embedded, sample: Path, tmp_path: Path, kind: str
) -> None:
    client = roomy.client()
    file = big(sample, tmp_path / "big.mp4", SIZE)
    sent(roomy, client, sample, kind)  # the first loads what is loaded once
    before, _ = peaks_of(roomy, lambda: sent(roomy, client, sample, kind))
    after, video = peaks_of(roomy, lambda: sent(roomy, client, file, kind))
    assert video["size_bytes"] == SIZE
    assert video["media"]["frames"] == 212
    assert len(before) >= 6
    assert before.keys() == after.keys()
    risen = {name: (after[name] - before[name]) // 1024**2 for name in before}
    assert max(risen.values()) <= ROOM // 1024**2, risen
    client.call("DELETE", f"/videos/{video['id']}", 204)
