"""Orphans: objects and running results whose row is gone, because a deletion was interrupted or a writer was late."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal

import msgspec

from contracts.errors import StorageUnavailable
from contracts.storage.port import (
    alert_picture_key,
    clip_key,
    frames_key,
    index_key,
    plan_key,
    result_key,
    tracking_key,
    tracks_key,
    video_key,
)
from contracts.wire.renditions import CLIP, JOB_KINDS, VIDEO_KINDS, rendition_id
from processor.housekeeping.inventory import DataStores

log = logging.getLogger(__name__)

_AT_ONCE = 500
_VIDEO_KEYS = (video_key, index_key, frames_key)
_JOB_KEYS = (plan_key, result_key, tracks_key, tracking_key)


class Orphan(msgspec.Struct, frozen=True):
    """name: the key of an object, or the id of a deleted job."""

    kind: Literal["object", "results"]
    name: str


class Swept(msgspec.Struct, frozen=True):
    """place: where the sweep has stopped, None at the end. orphans, partial: how many of them were removed, and of the
    objects that killed writers have left."""

    place: str | None
    orphans: int
    partial: int


class _Owner(msgspec.Struct, frozen=True):
    """The owner of a key. part: content, index, frames, plan, result, tracks, tracking, clip, or a kind of rendition.
    clip: the id of a clip."""

    video: str
    job: str | None
    part: str
    clip: str = ""

    @property
    def rendition(self) -> str | None:
        """The id of the rendition that is stored there."""
        if self.part in (*VIDEO_KINDS, *JOB_KINDS):
            return rendition_id(self.video, self.job, self.part)
        return self.clip or None


def orphans(stores: DataStores, seconds: float) -> Iterator[Orphan]:
    """Orphans unchanged for at least the seconds. Raises StorageUnavailable, StoreUnavailable."""
    told: list[Orphan] = []
    for stretch in stores.storage.walk(seconds):
        found = list(_objects(stores, stretch.idle))
        yield from (orphan for orphan in found if orphan not in told)
        told = found
    yield from _results(stores, seconds)


def sweep(stores: DataStores, seconds: float, partial_seconds: float, place: str, turn: float) -> Swept:
    """Remove orphans unchanged for at least the seconds, and what killed writers have left for as long as
    partial_seconds, from a place in the storage on. turn: seconds after which to stop; the turn after it goes on there.
    They begin with the first objects: to find these, all names of a folder are read, and a turn that had no time left
    then would look at next to nothing. Raises StorageUnavailable, StoreUnavailable."""
    removed = partial = 0
    begun, until = place, float("inf")
    for stretch in stores.storage.walk(seconds, place, partial_seconds=partial_seconds):
        until = min(until, time.monotonic() + turn)
        partial += stretch.removed
        gone = 0
        for orphan in _objects(stores, stretch.idle):
            gone += _is_removed(stores, orphan)
            if time.monotonic() > until:  # what is left of this stretch is for the next turn
                stuck = place == begun and not gone  # a whole turn for what cannot be removed: go on behind it
                return Swept(stretch.place if stuck else place, removed + gone, partial)
        removed += gone
        place = stretch.place
        if time.monotonic() > until:
            return Swept(place, removed, partial)
    removed += sum(1 for _ in remove(stores, _results(stores, seconds)))
    return Swept(None, removed, partial)


def _objects(stores: DataStores, keys: Sequence[str]) -> Iterator[Orphan]:
    """Those of some idle objects that are orphans."""
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        owners = {key: owner for key in some if (owner := _owner(key))}
        recordings = {key: recording for key in some if (recording := _recording(key))}
        reels = {key: reel for key in some if (reel := _reel(key))}
        alerts = {key: alert for key in some if (alert := _alert(key))}
        # Query after listing, so that rows inserted after their object was written are seen.
        unneeded = chain(_unneeded(stores, recordings), _unlisted(stores, reels), _unraised(stores, alerts))
        yield from (Orphan("object", key) for key in chain(_unowned(stores, owners), unneeded))


def _results(stores: DataStores, seconds: float) -> Iterator[Orphan]:
    """Running results of jobs that are not there."""
    idle = sorted(stores.store.idle(seconds)) if stores.store is not None else []
    for start in range(0, len(idle), _AT_ONCE):
        some = idle[start : start + _AT_ONCE]
        known = stores.inventory.jobs_of(some)
        yield from (Orphan("results", job_id) for job_id in some if job_id not in known)


def remove(stores: DataStores, found: Iterable[Orphan]) -> Iterator[Orphan]:
    """Remove orphans, and yield each after its removal; those that cannot be removed are left out."""
    return (orphan for orphan in found if _is_removed(stores, orphan))


def _is_removed(stores: DataStores, orphan: Orphan) -> bool:
    """Remove an orphan; False for an object that cannot be removed, which must not keep others from being."""
    try:
        if orphan.kind == "object":
            stores.storage.resumable().discard(orphan.name)
            stores.storage.delete(orphan.name)
        elif stores.store is not None:
            stores.store.forget(orphan.name)
    except StorageUnavailable as error:
        log.warning("cannot remove the orphan %s %s: %s", orphan.kind, orphan.name, error.detail)
        return False
    log.warning("removed the orphan %s %s", orphan.kind, orphan.name)
    return True


def _unowned(stores: DataStores, owners: dict[str, _Owner]) -> Iterator[str]:
    videos = stores.inventory.videos_of({owner.video for owner in owners.values()})
    jobs = stores.inventory.jobs_of({owner.job for owner in owners.values() if owner.job})
    made = {key: made for key, owner in owners.items() if (made := owner.rendition)}
    renditions = stores.inventory.renditions_of(made.values())
    for key, owner in owners.items():
        has_file = videos.get(owner.video)
        gone = has_file is None or (owner.job is not None and owner.job not in jobs)
        late = owner.part == "content" and not has_file  # of a video that was refused
        late = late or (owner.part == "plan" and not jobs.get(owner.job or ""))  # of a job that has ended
        if gone or late or (key in made and made[key] not in renditions):
            yield key


def _unneeded(stores: DataStores, recordings: dict[str, str]) -> Iterator[str]:
    """The keys of recordings that nobody makes a video of any more."""
    needed = stores.inventory.recordings_of(recordings.values())
    return (key for key, recording in recordings.items() if recording not in needed)


def _unlisted(stores: DataStores, reels: dict[str, str]) -> Iterator[str]:
    """The keys of reels that are not in the tables."""
    known = stores.inventory.renditions_of(reels.values())
    return (key for key, reel in reels.items() if reel not in known)


def _unraised(stores: DataStores, alerts: dict[str, str]) -> Iterator[str]:
    """The keys of pictures whose alert is gone."""
    known = stores.inventory.pictured_alerts_of(alerts.values())
    return (key for key, alert in alerts.items() if alert not in known)


def _owner(key: str) -> _Owner | None:
    """The owner of a key, None for a key that this service does not use."""
    match key.split("/"):
        case ["videos", video, part] if part in VIDEO_KINDS or key in (of_video(video) for of_video in _VIDEO_KEYS):
            return _Owner(video, None, part)
        case ["videos", video, "clips", clip] if key == clip_key(video, clip):
            return _Owner(video, None, CLIP, clip)
        case ["videos", video, "jobs", job, part] if part in JOB_KINDS or key in (
            of_job(video, job) for of_job in _JOB_KEYS
        ):
            return _Owner(video, job, part)
    return None


def _reel(key: str) -> str | None:
    """The reel whose object this is, None for any other key."""
    match key.split("/"):
        case ["reels", reel]:
            return reel
    return None


def _alert(key: str) -> str | None:
    """The alert whose picture this is, None for any other key."""
    match key.split("/"):
        case ["alerts", alert, _] if key == alert_picture_key(alert):
            return alert
    return None


def _recording(key: str) -> str | None:
    """The recording whose object this is, None for any other key."""
    match key.split("/"):
        case ["streams", _, recording]:
            return recording
    return None
