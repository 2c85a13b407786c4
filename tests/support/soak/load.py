"""What runs beside the faults of a soak test: jobs, uploads, and images that are pushed. Each remembers what the
service has acknowledged."""

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.deployments.breakable import Patient
from tests.support.deployments.service import Client
from tests.support.videos.clips import clip
from tests.support.videos.live import jpegs

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"every_n": 3},
    {"min_score": 0.5, "labels": ["person"]},
    {"region": [0.1, 0.1, 0.9, 0.9], "start_ms": 1000},
)
_AT_ONCE = 6
_CANCELLED = 0.1
_HASTE = 0.8  # so that all are submitted before the end
_UPLOAD_SECONDS = (1.0, 8.0)
_DELETED = 0.3
_PUSH_SECONDS = 0.5
_REFUSED = (429, 503, 507)  # of what is not kept, and may be tried again


@dataclass(frozen=True)
class Kind:
    """Video, model and options of a job, and the result file of its control job."""

    video: dict[str, Any]
    body: dict[str, Any]
    twin: bytes


@dataclass
class Submitted:
    """A job. is_cancelled: its user has asked for that."""

    kind: Kind
    job: dict[str, Any]
    is_cancelled: bool = False


@dataclass
class Jobs:
    """Submits so many jobs, spread over the seconds, a few of which are cancelled. over: set where the test has
    failed."""

    client: Patient
    kinds: list[Kind]
    number: int
    seconds: float
    seed: int
    over: threading.Event
    made: list[Submitted] = field(default_factory=list)

    def run(self) -> None:
        chance = random.Random(f"{self.seed}:jobs")
        active: list[dict[str, Any]] = []
        for _ in range(self.number):
            while len(active) >= _AT_ONCE and not self.over.is_set():
                active = [job for job in active if self.client.job(job)["finished_at"] is None]
                time.sleep(0.2)
            if self.over.wait(chance.uniform(0, 2 * self.seconds / self.number) * _HASTE):
                return
            kind = chance.choice(self.kinds)
            one = Submitted(kind, self.client.submit(kind.video, **kind.body))
            self.made.append(one)
            if chance.random() < _CANCELLED:
                one.is_cancelled = True
                time.sleep(chance.random() * 3)
                self.client.call("POST", f"/jobs/{one.job['id']}/cancel", 202)
            active.append(one.job)


@dataclass
class Uploads:
    """Uploads small videos, each another one, and deletes some of them. kept: digests by id of those that were
    acknowledged. deleted: ids of those whose deletion was. refused: statuses of others, by time."""

    client: Client
    seed: int
    ending: threading.Event
    kept: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    refused: list[tuple[float, int]] = field(default_factory=list)

    def run(self) -> None:
        chance, content = random.Random(f"{self.seed}:uploads"), clip(frames=30).content
        while not self.ending.wait(chance.uniform(*_UPLOAD_SECONDS)):
            self._upload(content + _box(chance.randbytes(16)))
            if self.kept and chance.random() < _DELETED:
                self._delete(chance.choice(list(self.kept)))

    def _upload(self, content: bytes) -> None:
        answer = asked(self.client, "POST", "/videos", files={"video": ("a.mp4", content, "video/mp4")})
        if answer is not None and answer.status_code == 201:
            self.kept[answer.json()["id"]] = hashlib.sha256(content).hexdigest()
        elif answer is not None:
            assert answer.status_code in _REFUSED, answer.text
            self.refused.append((time.time(), answer.status_code))

    def _delete(self, video_id: str) -> None:
        """Without an answer nobody knows whether it is there."""
        answer = asked(self.client, "DELETE", f"/videos/{video_id}")
        if answer is None:
            del self.kept[video_id]
        elif answer.status_code == 204:
            del self.kept[video_id]
            self.deleted.append(video_id)
        else:
            assert answer.status_code in _REFUSED, answer.text


@dataclass
class Pushes:
    """Sends pictures, each with its own name in it, to a stream. taken: when those were sent that were acknowledged, by
    name."""

    client: Client
    stream: str
    ending: threading.Event
    taken: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        pictures, number = jpegs(10), 0
        while not self.ending.wait(_PUSH_SECONDS):
            name, now = f"{self.stream}:{number}", time.time()
            content = named(pictures[number % len(pictures)], name)
            headers, number = {"Content-Type": "image/jpeg"}, number + 1
            path = f"/streams/{self.stream}/frames"
            answer = asked(self.client, "POST", path, content=content, headers=headers, params={"time": now})
            if answer is not None and answer.status_code == 202:
                self.taken[name] = now
            elif answer is not None:
                assert answer.status_code in _REFUSED, answer.text


def asked(client: Client, method: str, path: str, **options: Any) -> httpx.Response | None:
    """The answer, None where there is none."""
    try:
        return client.request(method, path, **options)
    except httpx.TransportError:
        return None


def named(picture: bytes, name: str) -> bytes:
    """A JPEG with a comment."""
    return picture[:2] + b"\xff\xfe" + (len(name) + 2).to_bytes(2, "big") + name.encode() + picture[2:]


def name_of(picture: bytes) -> str:
    """Its comment, empty without one."""
    size = int.from_bytes(picture[4:6], "big")
    return picture[6 : 4 + size].decode() if picture[2:4] == b"\xff\xfe" else ""


def _box(content: bytes) -> bytes:
    """A box of an mp4 that players pass over: it makes a file another one."""
    return (len(content) + 8).to_bytes(4, "big") + b"free" + content
