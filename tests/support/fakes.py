"""The ports in memory. They pass the same conformance suites as the real ones."""

import copy
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from contracts.results.port import Cost, Hold, Progress, ResultStore, Sign, Standing
from contracts.storage.port import STRETCH, ResumableObjects, Storage, Stretch, absent, checked
from contracts.wire.messages import Layout


class MemoryStorage(Storage):
    """Storage in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.growing: dict[str, io.BytesIO] = {}

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self._get(key))

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        checked(key)
        with io.BytesIO() as sink:
            yield sink
            self.objects[key] = sink.getvalue()

    def delete(self, key: str) -> None:
        checked(key)
        self.objects.pop(key, None)

    def size(self, key: str) -> int:
        return len(self._get(key))

    def walk(self, seconds: float, after: str = "", *, partial_seconds: float | None = None) -> Iterator[Stretch]:
        """What is not finished is nowhere yet."""
        places = sorted(key for key in {*self.objects, *self.growing} if key > after)
        for start in range(0, len(places), STRETCH):
            some = places[start : start + STRETCH]
            # Nothing tells when it was written: it is all old enough, or nothing is.
            yield Stretch(some[-1], some if seconds <= 0 else [], 0)

    def resumable(self) -> "MemoryResumable":
        return MemoryResumable(self)

    def _get(self, key: str) -> bytes:
        checked(key)
        try:
            return self.objects[key]
        except KeyError:
            raise absent(key) from None


class MemoryResumable(ResumableObjects):
    """Pieces in a dictionary."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def size(self, key: str) -> int:
        grown = self._storage.growing.get(checked(key))
        return len(grown.getvalue()) if grown else len(self._storage.objects.get(key, b""))

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        yield self._storage.growing.setdefault(checked(key), io.BytesIO())

    def finish(self, key: str) -> None:
        if checked(key) not in self._storage.objects:
            self._storage.objects[key] = self._storage.growing.pop(key).getvalue()

    def discard(self, key: str) -> None:
        self._storage.growing.pop(checked(key), None)


class MemoryResultStore(ResultStore):
    """ResultStore in dictionaries, one per job and kind, with the same times to live."""

    def __init__(self, ttl_seconds: float) -> None:
        self._ttl = ttl_seconds
        self._hashes: dict[tuple[str, str], dict[Any, Any]] = {}
        self._ends: dict[tuple[str, str], float] = {}

    def lasting(self, ttl_seconds: float) -> "MemoryResultStore":
        """The same data, written with another time to live."""
        other = copy.copy(self)
        other._ttl = ttl_seconds
        return other

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        late = self.cancelled(job_id) and self._read(job_id, "chunks")
        chunks = late or self._write(job_id, "chunks")
        return index not in chunks and chunks.setdefault(index, data) is data

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        return self._read(job_id, "chunks").get(index)

    def has_chunk(self, job_id: str, index: int) -> bool:
        return index in self._read(job_id, "chunks")

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        return frozenset(self._read(job_id, "chunks"))

    def put_layout(self, job_id: str, layout: Layout) -> None:
        self._write(job_id, "state")["layout"] = layout

    def get_layout(self, job_id: str) -> Layout | None:
        return self._read(job_id, "state").get("layout")

    def put_note(self, job_id: str, name: str, data: bytes) -> None:
        self._write(job_id, "state")[f"note {name}"] = data

    def get_note(self, job_id: str, name: str) -> bytes | None:
        return self._read(job_id, "state").get(f"note {name}")

    def begin_attempt(self, job_id: str, index: int) -> int:
        attempts = self._write(job_id, "attempts")
        attempts[index] = attempts.get(index, 0) + 1
        return int(attempts[index])

    def withdraw_attempt(self, job_id: str, index: int) -> None:
        attempts = self._write(job_id, "attempts")
        attempts[index] = attempts.get(index, 0) - 1
        if attempts[index] <= 0:
            del attempts[index]

    def attempts(self, job_id: str) -> dict[int, int]:
        return dict(self._read(job_id, "attempts"))

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        if self._read(job_id, f"lease:{index}").get("owner", owner) != owner:
            return False
        self._write(job_id, f"lease:{index}", seconds)["owner"] = owner
        return True

    def release_lease(self, job_id: str, index: int, owner: str) -> None:
        if self._read(job_id, f"lease:{index}").get("owner") == owner:
            del self._hashes[job_id, f"lease:{index}"]

    def leased(self, job_id: str, index: int) -> bool:
        return bool(self._read(job_id, f"lease:{index}"))

    def report(self, job_id: str, hold: Hold, sign: Sign) -> Standing:
        self.set_cost(job_id, sign.attempt, sign.cost)
        held = self.take_lease(job_id, hold.index, hold.owner, hold.seconds)
        if held:
            self.set_progress(job_id, sign.index, sign.frames, sign.seconds)
        return Standing(held, self.cancelled(job_id))

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        self._write(job_id, "progress")[index] = (frames, seconds)

    def set_cost(self, job_id: str, attempt: str, cost: Cost) -> None:
        self._write(job_id, "cost")[attempt] = cost

    def progress(self, job_id: str) -> Progress:
        values, costs = self._read(job_id, "progress").values(), self._read(job_id, "cost").values()
        frames, seconds = sum(frames for frames, _ in values), sum(seconds for _, seconds in values)
        return Progress(frames, seconds, sum(costs, start=Cost()))

    def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        return [self.progress(job_id) for job_id in job_ids]

    def fix_runtime(self, job_id: str, runtime: str) -> str:
        return str(self._write(job_id, "state").setdefault("runtime", runtime))

    def runtime(self, job_id: str) -> str | None:
        return self._read(job_id, "state").get("runtime")

    def request_cancel(self, job_id: str) -> None:
        self._write(job_id, "state")["cancel"] = True

    def cancelled(self, job_id: str) -> bool:
        return "cancel" in self._read(job_id, "state")

    def touch(self, job_id: str) -> None:
        for kind in ("chunks", "attempts", "progress", "state"):
            if self._read(job_id, kind):
                self._write(job_id, kind)

    def retire(self, job_id: str, seconds: int) -> None:
        self.request_cancel(job_id)
        if self._read(job_id, "chunks"):
            self._write(job_id, "chunks", min(seconds, self._ttl))

    def drop_notes(self, job_id: str) -> None:
        state = self._read(job_id, "state")
        for name in [name for name in state if name.startswith("note ")]:
            del state[name]

    def forget(self, job_id: str) -> None:
        for key in [key for key in self._hashes if key[0] == job_id]:
            del self._hashes[key]

    def idle(self, seconds: float) -> frozenset[str]:
        now = time.monotonic()
        ends: dict[str, float] = {}
        for (job_id, kind), end in self._ends.items():
            if self._read(job_id, kind) and not kind.startswith("lease:"):
                ends[job_id] = max(ends.get(job_id, 0.0), end)
        return frozenset(job_id for job_id, end in ends.items() if self._ttl - (end - now) >= seconds)

    def sweep(self) -> int:
        return 0  # what has faded goes when it is looked for

    def size(self) -> int:
        return sum(len(str(one)) for one in self._hashes.values())

    def ping(self) -> None:
        """There is nothing to reach."""

    def _read(self, job_id: str, kind: str) -> dict[Any, Any]:
        if self._ends.get((job_id, kind), 0.0) <= time.monotonic():
            self._hashes.pop((job_id, kind), None)
        return self._hashes.get((job_id, kind), {})

    def _write(self, job_id: str, kind: str, seconds: float | None = None) -> dict[Any, Any]:
        self._read(job_id, kind)
        self._ends[job_id, kind] = time.monotonic() + (self._ttl if seconds is None else seconds)
        return self._hashes.setdefault((job_id, kind), {})
