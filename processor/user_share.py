"""A user's share of the processors: at most half of their processes probe videos and make posters of one user.

What does not fit stays in the tables as it is, and is sent when something of that user has ended. Pictures of frames go
first: somebody waits for them.
"""

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kombu.exceptions import OperationalError

from contracts.coordination import names
from contracts.coordination.frame_requests import answer_deleted
from contracts.coordination.leases import Locks, LockState
from contracts.wire.pictures import FRAME_SECONDS
from processor.context import Services
from processor.task_signatures import frames_signature, probe_signature, render_signature

log = logging.getLogger(__name__)

LEASE_SECONDS = 20
_LOOKED_AT = 10
_PROBES_LOOKED_AT = 100  # tries of some may have to wait for long
_MOST_WAITING = 64  # videos of a user
_AGAIN_SECONDS = 1


class Leases:
    """Leases that are held together. A process that was suspended until they expired takes nothing from the next."""

    def __init__(self, locks: Locks, work: str) -> None:
        self._locks, self._work, self._held = locks, work, list[str]()
        self._owner = uuid.uuid4().hex
        self._renewed = 0.0
        self._lost = False

    def take(self, name: str) -> bool:
        """Take one more; False when another process has it."""
        if not self._locks.acquire(name, self._owner, LEASE_SECONDS):
            return False
        self._held.append(name)
        return True

    def renew(self) -> bool:
        """Set their time to live, at most once a second; False when another process has the one of the work."""
        if time.monotonic() - self._renewed >= 1:
            self._renewed = time.monotonic()
            states = {name: self._locks.renew(name, self._owner, LEASE_SECONDS) for name in self._held}
            self._lost = states[self._work] is LockState.LOST
        return not self._lost

    def release(self) -> None:
        """Release all."""
        for name in self._held:
            self._locks.release(name, self._owner)


@contextmanager
def leased(services: Services, work: str, user_id: str | None = None) -> Iterator[Leases | None]:
    """Holds the lease of a piece of work, and a place of the user's share where there is a user.

    None when another process has the lease, or the user's places are taken. Renew it within LEASE_SECONDS.
    """
    leases = Leases(services.coordination.locks, work)
    try:
        taken = leases.take(work) and (user_id is None or _take_place(services, leases, user_id))
        yield leases if taken else None
    finally:
        leases.release()


def share(services: Services) -> int:
    """How many processes may work for one user at once."""
    settings = services.settings
    processes = max(settings.processor_concurrency, settings.processor_autoscale)
    return max(1, services.processors() * processes // 2)


def unleased(services: Services, video_ids: Sequence[str]) -> list[str]:
    """Those of some videos whose probe may be sent, in one round trip."""
    leases = {names.probe_lease(video_id): video_id for video_id in video_ids}
    return [leases[name] for name in services.coordination.locks.free(list(leases))]


def send_waiting(services: Services, user_id: str) -> None:
    """Send the pictures of frames of a user that wait, else the oldest probe, else the oldest poster; the reaper
    retries these two."""
    coordination = services.coordination
    try:
        if _send_frames(services, user_id):
            return
        for video_id in unleased(services, services.repository.unprobed_of(user_id, _PROBES_LOOKED_AT))[:1]:
            probe_signature(services, video_id).apply_async()
            return
        for poster in services.repository.waiting_posters(user_id, _LOOKED_AT):
            if not coordination.is_held(names.rendition_lease(poster.id)):
                render_signature(services, poster).apply_async()
                return
    except (OperationalError, ConnectionError) as error:
        log.warning("cannot send what waits of user %s for now: %s", user_id, error)


def _send_frames(services: Services, user_id: str) -> bool:
    """Send the pictures of frames of a user that wait; False where none do: they were made or given up meanwhile."""
    requests, waiting = services.coordination.requests, names.frames_waiting(user_id)
    videos = []
    for video_id in (data.decode() for data in requests.take(waiting)):
        if services.repository.video(video_id) is None:
            answer_deleted(services.coordination, video_id)
        elif requests.waiting(names.frame_requests(video_id)):
            videos.append(video_id)
    for place, video_id in enumerate(videos):
        try:
            frames_signature(services, video_id).apply_async()
        except (OperationalError, ConnectionError):
            for left in videos[place:]:
                requests.add(waiting, left.encode(), _MOST_WAITING, 2 * FRAME_SECONDS)
            raise
    return bool(videos)


def wait_with_frames(services: Services, user_id: str, video_id: str) -> None:
    """Have the pictures of frames of a video sent when something of its user has ended, or soon where too many others
    wait for that."""
    name = names.frames_waiting(user_id)
    if not services.coordination.requests.add(name, video_id.encode(), _MOST_WAITING, 2 * FRAME_SECONDS):
        frames_signature(services, video_id).apply_async(countdown=_AGAIN_SECONDS)


def _take_place(services: Services, leases: Leases, user_id: str) -> bool:
    return any(leases.take(names.user_share(user_id, number)) for number in range(share(services)))
