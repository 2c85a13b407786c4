"""HTTP client of the service."""

import io
import math
import mimetypes
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import msgspec

from web_detector.pace import Pace

_PREFIX = "/api/v1"
_PATIENCE_SECONDS = 30.0
# Too many requests, or unavailable for now.
_BUSY = (429, 503)
_ENDED = ("succeeded", "partial", "failed", "cancelled")
# The response to an upload waits for the probe, and a slow disk may delay a write.
_TIMEOUT = httpx2.Timeout(60, connect=10)


class ServiceError(Exception):
    """The service refused a request or does not answer. The text is a message for the user. status: of the HTTP answer,
    None where there is none. code: of its problem document, as in storage_used_up, empty where there is none."""

    def __init__(self, text: str, status: int | None = None, code: str = "") -> None:
        super().__init__(text)
        self.status, self.code = status, code


class Client:
    """A user's session with a service. Use it as a context manager.

    direct: ignore proxy settings of the environment, for a service on this machine.
    """

    def __init__(self, url: str, transport: httpx2.BaseTransport | None = None, *, direct: bool = False) -> None:
        self.url = url.rstrip("/")
        self._http = httpx2.Client(base_url=self.url, timeout=_TIMEOUT, transport=transport, trust_env=not direct)
        self._credentials: dict[str, str] = {}
        self._renew_at = math.inf

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def use_token(self, token: str) -> None:
        """Use an API token in place of a login."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def register(self, username: str, password: str) -> None:
        """Register a user and log in."""
        self._enter("register", {"username": username, "password": password})

    def login(self, username: str, password: str) -> None:
        """Log in as an existing user."""
        self._enter("login", {"username": username, "password": password})

    def models(self) -> list[dict[str, Any]]:
        """The models of the service."""
        items: list[dict[str, Any]] = self._json("GET", "/models")["items"]
        return items

    def upload(
        self,
        path: Path,
        progress: Callable[[int], object],
        source: str = "",
        fps: float | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Upload a file, streamed from disk. Returns the video.

        progress: called with the number of bytes sent so far. source: text that is stored with the video.
        fps: rate of an elementary stream. metadata: further fields of the operation.
        """
        if time.monotonic() > self._renew_at:  # a refused upload cannot be repeated
            self._enter("login", self._credentials)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        name = os.fsencode(path.name).decode(errors="replace")  # a file's name may be any bytes
        with _Counted(path, progress) as file:
            fields = {
                **metadata,
                **({"source": source} if source else {}),
                **({} if fps is None else {"fps": f"{fps:g}"}),
            }
            return self._json("POST", "/videos", data=fields, files={"video": (name, file, kind)})

    def video(self, video_id: str) -> dict[str, Any]:
        """One video."""
        return self._json("GET", f"/videos/{video_id}")

    def videos(self) -> Iterator[dict[str, Any]]:
        """All videos of the user, the newest first."""
        return self._items("/videos")

    def delete_video(self, video_id: str) -> None:
        """Delete a video with its jobs and results; none of them may be running."""
        self._send(self._http.build_request("DELETE", f"{_PREFIX}/videos/{video_id}"))

    def jobs(self, video_id: str | None = None) -> Iterator[dict[str, Any]]:
        """All jobs, or those of a video, the newest first."""
        return self._items("/jobs", **({"video_id": video_id} if video_id else {}))

    def cancel(self, job_id: str) -> None:
        """Request the cancellation of a job."""
        self._json("POST", f"/jobs/{job_id}/cancel")

    def start(self, video_id: str, model: str | None, options: dict[str, Any]) -> dict[str, Any]:
        """Start a job. Returns it."""
        body = {"video_id": video_id, "options": options}
        return self._json("POST", "/jobs", json=body | ({"model": model} if model else {}))

    def follow(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Poll a job and yield it until it has ended. Retries for a while when the service does not answer."""
        pace = Pace()
        while True:
            job = msgspec.json.decode(self.patient(f"/jobs/{job_id}"))
            yield job
            if job["state"] in _ENDED:
                return
            pace.pause()

    def patient(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The body of an answer to GET; asks again for a while when the service does not answer, or is busy, and not
        before it wants to be asked."""
        deadline, pace = time.monotonic() + _PATIENCE_SECONDS, Pace()
        while True:
            try:
                return self._send(self._http.build_request("GET", _PREFIX + path, params=query)).content
            except _Away as error:
                if time.monotonic() > deadline:
                    raise
                pace.pause(error.retry_seconds)

    def summary(self, job_id: str) -> dict[str, Any]:
        """The summary of a job's result."""
        return self._json("GET", f"/jobs/{job_id}/summary")

    def tracks(self, job_id: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The tracks of a job, in the order in which they begin. query: parameters of the operation."""
        return self._items(f"/jobs/{job_id}/tracks", "tracks", **{"limit": 1000} | query)

    def track(self, job_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Make the tracks of a job anew, and wait until they are there or cannot be made. Returns the job."""
        job = self._json("POST", f"/jobs/{job_id}/tracks", json=dict(parameters))
        pace = Pace()
        while job["tracks"]["state"] == "queued":
            pace.pause()
            job = msgspec.json.decode(self.patient(f"/jobs/{job_id}"))
        return job

    def results(self, job_id: str) -> Iterator[str]:
        """All frames, each as one line of JSON."""
        with self.opened(f"/jobs/{job_id}/results", {"Accept": "application/x-ndjson"}) as answer:
            yield from (line for line in answer.iter_lines() if line)

    @contextmanager
    def opened(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
        """An answer to GET, to be read as it comes."""
        answer = self._send(self._http.build_request("GET", _PREFIX + path, headers=headers), stream=True)
        try:
            yield answer
        except httpx2.HTTPError as error:
            raise _Away(f"{self.url} closed the connection while sending the answer: {error}") from error
        finally:
            answer.close()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to POST."""
        return self._json("POST", path, json=dict(body))

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to PUT."""
        return self._json("PUT", path, json=dict(body))

    def streams(self) -> Iterator[dict[str, Any]]:
        """All live streams of the user, the newest first."""
        return self._items("/streams")

    def stream(self, stream_id: str) -> dict[str, Any]:
        """One live stream with its state."""
        return self._json("GET", f"/streams/{stream_id}")

    def add_stream(self, body: dict[str, Any]) -> dict[str, Any]:
        """Add a live stream and start it. Returns it."""
        return self._json("POST", "/streams", json=body)

    def start_stream(self, stream_id: str) -> dict[str, Any]:
        """Start a live stream, or connect it anew. Returns it."""
        return self._json("POST", f"/streams/{stream_id}/start")

    def stop_stream(self, stream_id: str) -> dict[str, Any]:
        """Stop a live stream. Returns it."""
        return self._json("POST", f"/streams/{stream_id}/stop")

    def delete_stream(self, stream_id: str) -> None:
        """Delete a live stream; its recordings stay."""
        self._send(self._http.build_request("DELETE", f"{_PREFIX}/streams/{stream_id}"))

    def stream_results(self, stream_id: str, **query: Any) -> dict[str, Any]:
        """A page of a live stream's results. query: parameters of the operation."""
        return self._json("GET", f"/streams/{stream_id}/results", params=query)

    def scenes(self) -> Iterator[dict[str, Any]]:
        """All scenes of the user, the newest first."""
        return self._items("/scenes")

    def add_scene(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a scene. body: as in the operation."""
        return self._json("POST", "/scenes", json=body)

    def replace_scene(self, scene_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace name, zones and lines of a scene."""
        return self._json("PUT", f"/scenes/{scene_id}", json=body)

    def delete_scene(self, scene_id: str) -> None:
        """Delete a scene."""
        self._send(self._http.build_request("DELETE", f"{_PREFIX}/scenes/{scene_id}"))

    def alert_rules(self) -> Iterator[dict[str, Any]]:
        """All alert rules of the user, the newest first."""
        return self._items("/alert-rules")

    def add_alert_rule(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an alert rule. body: as in the operation."""
        return self._json("POST", "/alert-rules", json=body)

    def replace_alert_rule(self, rule_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an alert rule."""
        return self._json("PUT", f"/alert-rules/{rule_id}", json=body)

    def delete_alert_rule(self, rule_id: str) -> None:
        """Delete an alert rule with its alerts."""
        self._send(self._http.build_request("DELETE", f"{_PREFIX}/alert-rules/{rule_id}"))

    def alerts(self, **query: Any) -> Iterator[dict[str, Any]]:
        """Alerts, the newest first. query: parameters of the operation."""
        return self._items("/alerts", "alerts", **query)

    def mark_alert(self, alert_id: str, *, seen: bool) -> dict[str, Any]:
        """Note whether an alert was seen."""
        return self._json("PATCH", f"/alerts/{alert_id}", json={"seen": seen})

    def search(self, **query: Any) -> Iterator[dict[str, Any]]:
        """The tracks that a search finds, in its order. query: parameters of the operation."""
        return self._items("/search", "hits", **query)

    def scene_events(self, job_id: str, scene_id: str, **query: Any) -> Iterator[dict[str, Any]]:
        """What the tracks of a job did at a scene. query: parameters of the operation."""
        return self._items(f"/jobs/{job_id}/scenes/{scene_id}/events", "events", **{"limit": 1000} | query)

    def _enter(self, operation: str, credentials: dict[str, str]) -> None:
        self._http.headers.pop("Authorization", None)
        answer = self._send(self._http.build_request("POST", f"{_PREFIX}/auth/{operation}", json=credentials))
        tokens = answer.json()
        self._http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        self._credentials = credentials
        self._renew_at = time.monotonic() + tokens.get("expires_in", math.inf) / 2

    def _items(self, path: str, name: str = "items", **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a paginated list, which is under that name in its pages."""
        while True:
            page = self._json("GET", path, params={"limit": 100} | query)
            yield from page[name]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    def _json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        answer = self._send(self._http.build_request(method, _PREFIX + path, **content))
        value: dict[str, Any] = answer.json()
        return value

    def _send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        """Send a request. If the token has expired, log in and retry, except for uploads. Raises ServiceError."""
        answer = self._try(request, stream)
        repeatable = "multipart" not in request.headers.get("Content-Type", "")
        if answer.status_code == 401 and self._credentials and repeatable:
            answer.close()
            self._enter("login", self._credentials)
            request.headers["Authorization"] = self._http.headers["Authorization"]
            answer = self._try(request, stream)
        if answer.is_success:
            return answer
        try:
            answer.read()
            text, code = _problem(answer)
            if answer.status_code in _BUSY:
                raise _Away(text, answer.status_code, code, _retry_seconds(answer))
            raise ServiceError(text, answer.status_code, code)
        finally:
            answer.close()

    def _try(self, request: httpx2.Request, stream: bool) -> httpx2.Response:
        try:
            return self._http.send(request, stream=stream)
        except httpx2.HTTPError as error:
            raise _Away(f"{self.url} does not answer: {error or type(error).__name__}") from error


class _Away(ServiceError):
    """The service does not answer, or not now. retry_seconds: after which it wants to be asked again, 0 for any."""

    def __init__(self, text: str, status: int | None = None, code: str = "", retry_seconds: float = 0.0) -> None:
        super().__init__(text, status, code)
        self.retry_seconds = retry_seconds


class _Counted(io.FileIO):
    """A file that reports its read position."""

    def __init__(self, path: Path, progress: Callable[[int], object]) -> None:
        super().__init__(path)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._progress(self.tell())
        return data or b""


def _retry_seconds(answer: httpx2.Response) -> float:
    """Retry-After, which may also be a date: the service sends none."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _problem(answer: httpx2.Response) -> tuple[str, str]:
    """A problem response (RFC 9457) as one line, and its code."""
    try:
        problem = answer.json()
        text = ": ".join(dict.fromkeys(part for part in (problem["title"], problem.get("detail")) if part))
        code = str(problem.get("code", ""))
        return f"{text} ({code or 'no code'}, HTTP {answer.status_code})", code
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"HTTP {answer.status_code} {answer.reason_phrase} for {answer.request.method} {answer.request.url}", ""
