"""What must hold when the faults of a soak test are over: of jobs, uploads, streams and recordings."""

import hashlib
import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import av
import redis

from tests.support.deployments.breakable import Patient
from tests.support.deployments.deployment import Deployment
from tests.support.soak import timeline
from tests.support.soak.load import Pushes, Submitted, Uploads, name_of
from tests.support.soak.streams import Running, results
from tests.support.soak.timeline import Happened
from tests.support.waiting import until

_JOB_SECONDS = 900
_POISON = "the detector process died in every attempt at these frames"
_ATTEMPTS = 3
# Why a job has failed: the harm of a fault while it ran.
_EXPLAINED = {"storage_full": "full"}
# Of a recording of which nothing, or a part of its first frame, had been written when its ingest ended, or when the
# disk was full.
_NO_FRAME = ("nothing of the recording was written", "no whole frame of the recording was written")
# An image is analysed at least this often, whatever the machine has to do beside.
_LONGEST_SECONDS = 6.0
_COUNTED = 40
_UNDER_WAY = 3
# Frames are shown in another order than they are sent in: at both ends, some of the packets in between belong to frames
# outside.
_REORDERED = 4


def pages(client: Patient, path: str) -> Iterator[dict[str, Any]]:
    """All items of a list."""
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = client.call("GET", path, 200, params=query)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def jobs_ended(
    client: Patient, own: Deployment, made: Sequence[Submitted], others: Set[str], log: Sequence[Happened]
) -> Counter[str]:
    """Every accepted job has ended: with the bytes of its control job, cancelled as asked for, or with a named failure
    that the faults explain. others: ids of those of recordings; there is none that nobody submitted."""
    ends: Counter[str] = Counter()
    for one in made:
        ended = client.wait(one.job, seconds=_JOB_SECONDS)
        ends[ended["state"]] += 1
        if ended["state"] == "succeeded":
            assert own.result_bytes(ended) == one.kind.twin, ended
        elif ended["state"] == "cancelled":
            assert one.is_cancelled, ended
        else:
            assert _is_explained(ended, log), ended
    there = [job["id"] for job in pages(client, "/jobs") if job["id"] not in others]
    assert sorted(there) == sorted(one.job["id"] for one in made)
    return ends


def _is_explained(ended: dict[str, Any], log: Sequence[Happened]) -> bool:
    times = seconds(ended["created_at"]), seconds(ended["finished_at"])
    if ended["state"] == "partial":  # its detector was killed at every attempt
        reasons = {gap["reason"] for gap in ended["failed_ranges"]}
        return reasons == {_POISON} and timeline.count(log, "chunks", *times) >= _ATTEMPTS
    harm = _EXPLAINED.get(ended["error"]["code"])
    return harm is not None and timeline.count(log, harm, *times) > 0


def uploads_kept(client: Patient, uploads: Uploads, log: Sequence[Happened]) -> None:
    """What was acknowledged is there, byte for byte, and what was deleted is not; a full disk was one."""
    for video, digest in uploads.kept.items():
        answer = client.request("GET", f"/videos/{video}/content")
        assert (answer.status_code, hashlib.sha256(answer.content).hexdigest()) == (200, digest), video
    for video in uploads.deleted:
        assert client.request("GET", f"/videos/{video}").status_code == 404, video
    full = [at for at, status in uploads.refused if status == 507]
    assert all(timeline.count(log, "full", at - 1, at + 1) for at in full), full


def streams_run(client: Patient, streams: Sequence[Running], slack: float) -> None:
    """Every stream is live, and what it shows now is analysed."""
    now = time.time()

    def states() -> list[tuple[str, str | None]]:
        shown = [client.call("GET", f"/streams/{one.id}", 200) for one in streams]
        return [(one["state"], one["reason"]) for one in shown]

    def news() -> list[int]:
        return [sum(done > now for done in one.done) for one in streams]

    until(lambda: {state for state, _ in states()} == {"live"}, 2 * slack, progress=states)
    until(lambda: min(news()) > _COUNTED, 2 * slack, progress=news)


def detection_went_on(streams: Sequence[Running], log: Sequence[Happened], slack: float) -> float:
    """No stream was without results for longer than docs/live.md says; the longest time that one was. slack: seconds
    that processes take to start here."""
    longest = 0.0
    for one in streams:
        silences = timeline.silences(sorted(one.done), _LONGEST_SECONDS)
        longest = max([longest, *(end - start + _LONGEST_SECONDS for start, end in silences)])
        left = timeline.unexplained(silences, timeline.silent(log, one.kind, slack))
        assert not left, f"{one.kind} {one.id}: {[(clock(start), clock(end)) for start, end in left]}"
    return longest


def counters_add_up(url: str, streams: Sequence[Running]) -> None:
    """While nothing fails: of the packets of a stream, as many have a result as are not told to be dropped."""
    with redis.Redis.from_url(url) as client:
        for one in streams:
            frames = [frame for _, frame in results(client, one.id)][-_COUNTED:]
            numbers = [frame.number for frame in frames]
            sent = max(numbers) - min(numbers)
            dropped = sum(sum(frame.dropped.values()) for frame in frames[1:])
            untold = sent - (len(frames) - 1) - dropped
            assert -_UNDER_WAY <= untold <= _UNDER_WAY + 2 * _REORDERED, (one.kind, one.id, numbers, dropped)


def recordings_of(client: Patient, stream: str) -> list[dict[str, Any]]:
    """The oldest first."""
    return [*pages(client, f"/streams/{stream}/recordings")][::-1]


def recordings_end(client: Patient, streams: Sequence[Running]) -> dict[str, list[dict[str, Any]]]:
    """All recordings by stream, once none is open or waits any more."""

    def states() -> Counter[str]:
        return Counter(one["state"] for stream in streams for one in recordings_of(client, stream.id))

    until(lambda: not states().keys() - {"filed", "failed"}, 300, progress=states)
    return {one.id: recordings_of(client, one.id) for one in streams}


def recordings_are_whole(
    client: Patient, recordings: Mapping[str, Sequence[dict[str, Any]]], log: Sequence[Happened], slack: float
) -> Counter[str]:
    """Each plays, its results can be read, and frames without one are accounted for; how they ended."""
    ends: Counter[str] = Counter()
    for recording in (one for found in recordings.values() for one in found):
        ends[f"{recording['state']}: {recording['reason']}"] += 1
        if recording["state"] == "failed":
            assert recording["error"]["detail"] in _NO_FRAME, recording
            began = seconds(recording["started_at"])
            assert timeline.count(log, "loses", began - slack, began + slack), recording
        else:
            _is_whole(client, recording)
    return ends


def _is_whole(client: Patient, recording: dict[str, Any]) -> None:
    media = client.call("GET", f"/videos/{recording['video_id']}", 200)["media"]
    played = [packet for packet, _ in packets(client, recording)]
    assert len(set(played)) == len(played) == recording["frames"] == media["frames"], recording
    assert recording["reason"], recording
    if recording["job_id"] is None:
        return
    job = client.job({"id": recording["job_id"]})
    if job["state"] == "failed":
        assert job["error"]["code"] == "not_analysed", job
        return
    assert job["state"] == "succeeded", job
    frames = [frame["frame"] for frame in client.frames(job)]
    assert frames == sorted(set(frames)), job
    lost = recording["dropped"].get("network", 0)
    accounted = len(frames) + sum(recording["dropped"].values())
    assert accounted - lost <= media["frames"] <= accounted, (recording, len(frames))


def packets(client: Patient, recording: dict[str, Any]) -> Iterator[tuple[int, bytes]]:
    """Times and bytes of the frames of a recording's video, in the order of decoding."""
    answer = client.request("GET", f"/videos/{recording['video_id']}/content")
    assert answer.status_code == 200, recording
    reader: Any
    with av.open(io.BytesIO(answer.content)) as reader:
        for packet in reader.demux(video=0):
            if packet.size:
                yield packet.pts, bytes(packet)


def pushed_are_recorded(
    client: Patient, pushes: Pushes, recordings: Sequence[dict[str, Any]], log: Sequence[Happened], slack: float
) -> int:
    """Every image that was acknowledged is in a recording, was lost by a fault that may lose some, or is counted as
    overtaken; how many are missing."""
    filed = [one for one in recordings if one["state"] == "filed"]
    there = {name_of(content) for one in filed for _, content in packets(client, one)}
    missing = {name: at for name, at in pushes.taken.items() if name not in there}
    left = timeline.unexplained([(at, at) for at in missing.values()], timeline.losing(log, slack))
    overtaken = sum((one["dropped"] or {}).get("network", 0) for one in filed)
    assert len(left) <= overtaken, [clock(at) for at, _ in left]
    return len(missing)


def seconds(text: str) -> float:
    """Of a time of the API."""
    return datetime.fromisoformat(text).timestamp()


def clock(at: float) -> str:
    """As the log has it."""
    return time.strftime("%H:%M:%S", time.localtime(at))
