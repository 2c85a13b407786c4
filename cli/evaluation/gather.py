"""Run detection jobs on the files of a dataset, several at once, and collect the detections."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import takewhile
from queue import SimpleQueue
from typing import Any

from cli.evaluation.dataset import Box, Image, Source
from web_detector.http_client import Client, ServiceError

_ACTIVE = ("queued", "planning", "running", "merging")


@dataclass(frozen=True, slots=True)
class Found:
    """A detection; score from 0 to 1. track: the one that it belongs to, 0 for none."""

    image_id: int
    category_id: int
    box: Box
    score: float
    track: int = 0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The job of each file: model, options, and category id by label. tag: the `source` of all uploads. tracker: the
    parameters of the tracks that are wanted too, None for none."""

    model: str
    options: dict[str, Any]
    categories: dict[str, int]
    tag: str
    tracker: dict[str, Any] | None = None


class _Stopped(Exception):
    """Another file has failed, or the evaluation was interrupted."""


def gather(
    clients: Sequence[Client], sources: Sequence[Source], asked: Asked, progress: Callable[[int], object]
) -> list[Found]:
    """Collect the detections in the order of the sources. Each client handles one file at a time.

    progress: called with the number of finished images. Uploads are deleted once their results are read;
    after an error or an interrupt, `sweep` deletes the rest. Raises ServiceError at the first file that
    is refused or whose job does not succeed.
    """
    free: SimpleQueue[Client] = SimpleQueue()
    for client in clients:
        free.put(client)
    stop = threading.Event()

    def work(source: Source) -> list[Found]:
        if stop.is_set():
            raise _Stopped
        client = free.get()
        try:
            return _send(client, source, asked, stop)
        finally:
            free.put(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        futures: list[Future[list[Found]]] = []
        try:
            futures += (pool.submit(work, source) for source in sources)
            _watch(futures, sources, progress)
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return [found for future in futures for found in future.result()]


def _watch(futures: list[Future[list[Found]]], sources: Sequence[Source], progress: Callable[[int], object]) -> None:
    """Wait until all are done or one has failed."""
    counts = dict(zip(futures, (len(source.images) for source in sources), strict=True))
    done = 0
    for future in as_completed(futures):
        future.result()
        done += counts[future]
        progress(done)


def sweep(client: Client, tag: str, before: str | None) -> None:
    """Delete every video with the tag, its jobs stopped first.

    before: the newest video from before the first of them, None when there was none. Raises
    ServiceError that says what is left.
    """
    newer = takewhile(lambda video: video["id"] != before, client.videos())
    left = []
    videos = [video for video in newer if video["source"] == tag]
    for video in videos:
        try:
            _remove(client, video["id"])
        except ServiceError as error:
            left.append(f"{video['id']}: {error}")
    if left:
        raise ServiceError(f"could not be deleted: {len(left)} of {len(videos)}, the first is {left[0]}")


def _remove(client: Client, video_id: str) -> None:
    for job in client.jobs(video_id):
        if job["state"] in _ACTIVE:
            client.cancel(job["id"])
            for _ in client.follow(job["id"]):
                pass
    client.delete_video(video_id)


def _send(client: Client, source: Source, asked: Asked, stop: threading.Event) -> list[Found]:
    def check(_: object) -> None:
        if stop.is_set():
            raise _Stopped

    try:
        video = client.upload(source.path, check, asked.tag)
        job_id = client.start(video["id"], asked.model, asked.options)["id"]
        for job in client.follow(job_id):
            check(job)
        if job["state"] != "succeeded":
            error = job["error"] or {"detail": "no reason is known", "code": "none"}
            raise ServiceError(f"its job ended as {job['state']}: {error['detail']} ({error['code']})")
        _compare(source, video["media"] or client.video(video["id"])["media"])
        if asked.tracker is not None:
            _track(client, job_id, asked.tracker)
        found = list(_read(client.results(job_id), source, asked))
        client.delete_video(video["id"])
    except (ServiceError, OSError) as error:
        raise ServiceError(f"{source.path}: {error}") from error
    return found


def _track(client: Client, job_id: str, parameters: dict[str, Any]) -> None:
    """Make the tracks of a job. Raises ServiceError."""
    made = client.track(job_id, parameters)["tracks"]
    if made["state"] == "failed":
        raise ServiceError(f"it cannot be tracked: {(made['error'] or {}).get('detail', 'no reason is known')}")


def _compare(source: Source, media: dict[str, Any]) -> None:
    """Check that size and frame count equal the dataset's. Raises ServiceError."""
    image = source.images[0]
    here, there = (media["width"], media["height"]), (image.width, image.height)
    if here != there or media["rotation"] or media.get("mirrored"):
        turned = ", mirrored" if media.get("mirrored") else ""
        turned += f", turned by {media['rotation']} degrees" if media["rotation"] else ""
        raise ServiceError(
            f"is shown as {here[0]}x{here[1]}{turned}, but the dataset has it as {there[0]}x{there[1]}: "
            "boxes cannot be compared"
        )
    if media["frames"] != source.frames:
        raise ServiceError(f"has {media['frames']} frames, but the dataset says {source.frames}")


def _read(lines: Iterator[str], source: Source, asked: Asked) -> Iterator[Found]:
    """The objects of a job's result. Raises ServiceError when a frame is missing."""
    expected = 0
    for line in lines:
        frame = json.loads(line)
        if frame["frame"] != expected:
            raise ServiceError(f"frame {expected} is missing in the results")
        if expected < len(source.images):
            yield from _objects(frame["detections"], source.images[expected], asked.categories)
        expected += 1
    if expected != source.frames:
        raise ServiceError(f"the results have {expected} frames, not {source.frames}")


def _objects(detections: list[dict[str, Any]], image: Image, categories: dict[str, int]) -> Iterator[Found]:
    for item in detections:
        if item["label"] in categories:
            x1, y1, x2, y2 = item["box"]
            # Rounded to the precision of the service's boxes.
            box = (x1, y1, round(x2 - x1, 2), round(y2 - y1, 2))
            yield Found(image.id, categories[item["label"]], box, item["score"], item.get("track", 0))
