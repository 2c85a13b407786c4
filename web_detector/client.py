"""The client for programs: typed objects over web_detector.http_client."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from web_detector import http_client, renditions
from web_detector.alerts import Alert, AlertRule, AlertSchedule, AlertSearch
from web_detector.http_client import ServiceError
from web_detector.pace import Pace
from web_detector.scenes import Line, Scene, Zone
from web_detector.types import Frame, Hit, Job, Model, Page, SceneEvent, Stream, Summary, Track, Video

T = TypeVar("T")
_DEFAULT_URL = "http://127.0.0.1:8080"
_POLL_SECONDS = 0.3
_PAGE_FRAMES = 5000


class JobFailed(ServiceError):
    """A job ended without a result. job: as it ended."""

    def __init__(self, job: Job) -> None:
        error = job.error
        reason = f": {error.detail} ({error.code})" if error else ""
        super().__init__(f"the job {job.id} ended as {job.state}{reason}")
        self.job = job


class Client:
    """A user's session with a service. A context manager; not for several threads at once.

    All methods raise ServiceError, whose text says what the service refused, or that it does not answer. Reading
    goes on when the service is away for up to half a minute.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """url: of the service, default WEB_DETECTOR_URL, else that of `make up`. token: an API token. Without one, user
        name and password log in. Default for the three: WEB_DETECTOR_TOKEN, _USER and _PASSWORD."""
        given = username is not None or password is not None
        token = token or ("" if given else os.environ.get("WEB_DETECTOR_TOKEN", ""))
        username = username or os.environ.get("WEB_DETECTOR_USER", "")
        password = password or os.environ.get("WEB_DETECTOR_PASSWORD", "")
        if not token and not (username and password):
            raise ServiceError("give a token, or username and password (or WEB_DETECTOR_TOKEN, or _USER and _PASSWORD)")
        self._http = http_client.Client(url or os.environ.get("WEB_DETECTOR_URL", "") or _DEFAULT_URL)
        if token:
            self._http.use_token(token)
            return
        try:
            self._http.login(username, password)
        except ServiceError:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> list[Model]:
        """The models of the service."""
        return msgspec.convert(self._http.models(), list[Model])

    def upload(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        source: str | None = None,
        tags: Iterable[str] = (),
        recorded_at: datetime | None = None,
        fps: float | None = None,
        progress: Callable[[int], object] = lambda _: None,
    ) -> Video:
        """Upload a file, streamed from disk. progress: called with the number of bytes sent so far. The others:
        metadata of the video; fps: of raw H.264 or H.265, which has no times. recorded_at needs a time zone."""
        if recorded_at is not None and recorded_at.tzinfo is None:
            raise ValueError("recorded_at needs a time zone, such as datetime.now(UTC) has")
        given = {"name": name, "tags": ",".join(tags), "recorded_at": recorded_at and recorded_at.isoformat()}
        metadata = {key: value for key, value in given.items() if value}
        return _typed(self._http.upload(Path(path), progress, source or "", fps, metadata), Video)

    def videos(self) -> Iterator[Video]:
        """All videos, the newest first."""
        return (_typed(one, Video) for one in self._http.videos())

    def video(self, video_id: str) -> Video:
        """One video."""
        return _typed(self._http.video(video_id), Video)

    def delete_video(self, video: Video | str) -> None:
        """Delete a video with its jobs and results; none of them may be running."""
        self._http.delete_video(_id(video))

    def detect(self, video: Video | str, model: str | None = None, **options: Any) -> Job:
        """Start a job. options: of the job, as in docs/results.md, such as min_score=0.4, labels=["person"]."""
        return _typed(self._http.start(_id(video), model, options), Job)

    def jobs(self, video: Video | str | None = None) -> Iterator[Job]:
        """All jobs, or those of a video, the newest first."""
        return (_typed(one, Job) for one in self._http.jobs(None if video is None else _id(video)))

    def job(self, job_id: str) -> Job:
        """One job."""
        return self._read(f"/jobs/{job_id}", Job)

    def cancel(self, job: Job | str) -> None:
        """Request that a job ends; what is done by then stays."""
        self._http.cancel(_id(job))

    def wait(self, job: Job | str, progress: Callable[[Job], object] = lambda _: None) -> Job:
        """Wait until a job has ended. progress: called with each change that is seen.

        Raises JobFailed where it ended as failed or cancelled; a partial job has results, and failed_ranges says for
        which frames not.
        """
        told: Job | None = None
        for answer in self._http.follow(_id(job)):
            current = _typed(answer, Job)
            if told is None or (told.state, told.progress) != (current.state, current.progress):
                told = current
                progress(current)
        if current.state in ("failed", "cancelled"):
            raise JobFailed(current)
        return current

    def summary(self, job: Job | str) -> Summary:
        """What a job found."""
        return self._read(f"/jobs/{_id(job)}/summary", Summary)

    def frames(
        self,
        job: Job | str,
        *,
        labels: Iterable[str] = (),
        min_score: float | None = None,
        from_ms: float | None = None,
        to_ms: float | None = None,
    ) -> Iterator[Frame]:
        """The frames of a job, in order, read page by page; of a running job, as they come, until it ends.

        With labels or min_score, frames without such objects are left out. from_ms, to_ms: times, the end excluded.
        """
        filters = {"label": list(labels), "min_score": min_score, "from_ms": from_ms, "to_ms": to_ms}
        return self._pages(f"/jobs/{_id(job)}/results", filters)

    def tracks(self, job: Job | str, **query: Any) -> Iterator[Track]:
        """The tracks of a job that has ended, in the order in which they begin; waits while they are made, and has them
        made where nobody has yet.

        query: label, min_score, min_frames, from_ms, to_ms.
        """
        state = self.job(_id(job)).tracks
        if state is None:
            self._http.track(_id(job), {})
        pace = Pace()
        while state is not None and state.state == "queued":
            pace.pause()
            state = self.job(_id(job)).tracks
        return (_typed(one, Track) for one in self._http.tracks(_id(job), **query))

    def track_picture(self, job: Job | str, track: Track | int) -> bytes:
        """A JPEG of a track's best detection; waits while the pictures of the job are made."""
        return renditions.track_picture(self._http, _id(job), track if isinstance(track, int) else track.id)

    def frame_picture(
        self,
        video: Video | str,
        *,
        frame: int | None = None,
        at_ms: float | None = None,
        width: int | None = None,
        box: Iterable[float] | None = None,
    ) -> bytes:
        """A JPEG of one frame of a video, named by its number or its time; of a part of it, with a box in pixels."""
        asked = {"frame": frame, "at_ms": at_ms, "width": width, "box": box and ",".join(f"{one:.6g}" for one in box)}
        query = {name: value for name, value in asked.items() if value is not None}
        return self._http.patient(f"/videos/{_id(video)}/frame", query)

    def contact_sheet(
        self,
        video: Video | str,
        *,
        columns: int | None = None,
        rows: int | None = None,
        width: int | None = None,
        from_ms: float | None = None,
        to_ms: float | None = None,
    ) -> bytes:
        """A JPEG with frames of equal parts of a video, or of its part from from_ms to to_ms, side by side; 4 by 4
        unless named. width: of the sheet, in pixels."""
        asked = {"columns": columns, "rows": rows, "width": width, "from_ms": from_ms, "to_ms": to_ms}
        return renditions.contact_sheet(self._http, _id(video), asked)

    def save_copy(
        self,
        job: Job | str,
        path: str | Path,
        kind: Literal["annotated", "blurred"] = "annotated",
        *,
        labels: Iterable[str] = (),
        min_score: float | None = None,
        progress: Callable[[float], object] = lambda _: None,
    ) -> int:
        """Have a copy of a job's video made, with the boxes of the job drawn into it, or with its objects hidden, and
        download it. Returns its size in bytes.

        labels: which objects, all if there are none. min_score: of those that are drawn. progress: called with the part
        that is made, 0 to 1.
        """
        where = f"/jobs/{_id(job)}/renditions/{kind}"
        renditions.made(self._http, where, {"labels": list(labels), "min_score": min_score}, progress)
        return renditions.save(self._http, where, Path(path))

    def save_clip(
        self,
        video: Video | str,
        from_ms: int,
        to_ms: int,
        path: str | Path,
        *,
        exact: bool = False,
        progress: Callable[[float], object] = lambda _: None,
    ) -> int:
        """Have a part of a video made a file of its own, and download it. Returns its size in bytes.

        Without exact, it is cut, with its sound, and begins at the keyframe before; with it, it is encoded anew from
        the very frame on. See docs/clips.md.
        """
        where = renditions.clip(self._http, _id(video), {"from_ms": from_ms, "to_ms": to_ms, "exact": exact}, progress)
        return renditions.save(self._http, where, Path(path))

    def save_reel(
        self,
        hits: Iterable[Hit],
        path: str | Path,
        *,
        progress: Callable[[float], object] = lambda _: None,
        **options: Any,
    ) -> int:
        """Have one file made of hits of a search, in their order, and download it. Returns its size in bytes. options:
        of the operation, see docs/clips.md, such as before_ms=2000, max_ms=60000."""
        pieces = [{"video_id": hit.video_id, "from_ms": hit.from_ms, "to_ms": hit.to_ms} for hit in hits]
        where = renditions.reel(self._http, pieces, options, progress)
        return renditions.save(self._http, where, Path(path))

    def search(self, **query: Any) -> Iterator[Hit]:
        """Tracks in everything that is yours. query: parameters of the operation, see docs/search.md, such as
        label=["person"], min_seconds=10, sort="score"."""
        return (_typed(one, Hit) for one in self._http.search(**query))

    def scene_events(self, job: Job | str, scene_id: str, **query: Any) -> Iterator[SceneEvent]:
        """What the tracks of a job did at the zones and lines of a scene. query: parameters of the operation, see
        docs/scenes.md."""
        return (_typed(one, SceneEvent) for one in self._http.scene_events(_id(job), scene_id, **query))

    def scenes(self) -> Iterator[Scene]:
        """All scenes, the newest first."""
        return (_typed(one, Scene) for one in self._http.scenes())

    def add_scene(self, name: str, *, zones: Iterable[Zone] = (), lines: Iterable[Line] = ()) -> Scene:
        """Create a scene."""
        body = {"name": name, "zones": list(zones), "lines": list(lines)}
        return _typed(self._http.add_scene(msgspec.to_builtins(body)), Scene)

    def delete_scene(self, scene: Scene | str) -> None:
        """Delete a scene; no job or stream changes."""
        self._http.delete_scene(_id(scene))

    def alert_rules(self) -> Iterator[AlertRule]:
        """All alert rules, the newest first."""
        return (_typed(one, AlertRule) for one in self._http.alert_rules())

    def add_alert_rule(
        self,
        name: str,
        search: AlertSearch | Mapping[str, Any],
        schedule: AlertSchedule | Mapping[str, Any] | None = None,
        **body: Any,
    ) -> AlertRule:
        """Add a rule. search: what it looks for; schedule: None for always; both may be as in the API. body: enabled,
        at_most_one_in_s, webhook_id, see docs/alerts.md."""
        rule = {"name": name, "search": search, "schedule": schedule, **body}
        return _typed(self._http.add_alert_rule(msgspec.to_builtins(rule)), AlertRule)

    def replace_alert_rule(self, rule: AlertRule) -> AlertRule:
        """Change a rule to what this one says, as msgspec.structs.replace(rule, enabled=False) makes it."""
        body = msgspec.to_builtins(rule)
        for name in ("id", "limited_at", "created_at", "failed_at", "error"):
            del body[name]
        return _typed(self._http.replace_alert_rule(rule.id, body), AlertRule)

    def delete_alert_rule(self, rule: AlertRule | str) -> None:
        """Delete a rule with its alerts."""
        self._http.delete_alert_rule(_id(rule))

    def alerts(self, **query: Any) -> Iterator[Alert]:
        """Alerts, the newest first. query: parameters of the operation: rule_id, from_ms, to_ms, seen."""
        return (_typed(one, Alert) for one in self._http.alerts(**query))

    def mark_alert(self, alert: Alert | str, *, seen: bool = True) -> Alert:
        """Note whether an alert was seen."""
        return _typed(self._http.mark_alert(_id(alert), seen=seen), Alert)

    def streams(self) -> Iterator[Stream]:
        """All live streams, the newest first."""
        return (_typed(one, Stream) for one in self._http.streams())

    def stream(self, stream_id: str) -> Stream:
        """One live stream with its state."""
        return self._read(f"/streams/{stream_id}", Stream)

    def add_stream(self, url: str | None = None, **body: Any) -> Stream:
        """Add a live stream and start it. url: of a camera (rtsp, http). body: what else the operation takes, such as
        name, options={"min_score": 0.4}, record={"minutes": 10}, or kind and video_id in place of a url."""
        if url is not None:
            body = {"kind": "rtsp" if url.lower().startswith("rtsp:") else "http", "url": url, **body}
        return _typed(self._http.add_stream(body), Stream)

    def delete_stream(self, stream: Stream | str) -> None:
        """Delete a live stream; its recordings stay."""
        self._http.delete_stream(_id(stream))

    def stream_frames(self, stream: Stream | str, *, from_ms: float = 0, **filters: Any) -> Iterator[Frame]:
        """The results of a live stream, from a time of its clock on (the oldest that are kept where it is 0), and then
        as they come, without an end. filters: label, min_score."""
        return self._pages(f"/streams/{_id(stream)}/results", {"from_ms": from_ms, **filters})

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Frame]:
        query = {key: value for key, value in filters.items() if value not in (None, [])} | {"limit": _PAGE_FRAMES}
        while True:
            page = self._read(path, Page, query)
            yield from page.frames
            if page.next_cursor is None:
                return
            if len(page.frames) == 0:
                time.sleep(_POLL_SECONDS)
            query["cursor"] = page.next_cursor

    def _read(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        try:
            return msgspec.json.decode(self._http.patient(path, query), type=kind)
        except msgspec.DecodeError as error:
            raise _other_release(error) from error


def _typed(answer: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise _other_release(error) from error


def _other_release(error: Exception) -> ServiceError:
    return ServiceError(f"the answer is not that of a service of this release: {error}")


def _id(one: Video | Job | Stream | str | AlertRule | Alert | Scene) -> str:
    return one if isinstance(one, str) else one.id
