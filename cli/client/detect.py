"""`web-detector detect`: upload a video, wait for its job, print the summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from cli.client.report import Report
from cli.client.shell import discarding, replacing, sign_in, terminable, writable
from cli.client.wanted import check, models_of
from cli.embedded.temporary_service import TemporaryService, TemporaryServiceFailed, temporary_service
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of the command line."""

    file: Path
    output: Path | None
    model: str | None
    min_score: float | None
    labels: tuple[str, ...]
    keep: bool
    fps: float | None = None
    frames: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The job options that were given; the service has defaults for the rest."""
        given = {"min_score": self.min_score, "labels": list(self.labels) or None, "frames": self.frames}
        return {name: value for name, value in given.items() if value is not None}


def detect(request: Request, environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    return ended(lambda: _detect(request, environ), {ServiceError: "", TemporaryServiceFailed: "", OSError: ""})


def _detect(request: Request, environ: Mapping[str, str]) -> int:
    report = Report()
    with terminable():
        _check(request)
        if url := environ.get("WEB_DETECTOR_URL", "").strip():
            return _detect_at(url, request, environ, report)
        return _detect_locally(request, environ, report)


def _check(request: Request) -> None:
    """Check the arguments before starting a service. Raises ServiceError."""
    if not request.file.is_file():
        raise ServiceError(f"there is no file {request.file}")
    if request.output:
        writable(request.output)


def _detect_at(url: str, request: Request, environ: Mapping[str, str], report: Report) -> int:
    """Use the running service at `url`."""
    with Client(url) as client:
        sign_in(client, environ)
        job_id = _run(client, request, report)
        report.say(f"job: {job_id}\non the page: {client.url}/jobs/{job_id}")
        return 0


def _detect_locally(request: Request, environ: Mapping[str, str], report: Report) -> int:
    """Use a temporary service on this machine."""
    report.say("starting the service")
    with temporary_service(environ) as local, Client(local.url, direct=True) as client:
        client.register(local.username, local.password)
        _run(client, request, report)
        if request.keep:
            serve_until_interrupted(local, report)
        else:
            report.say(f"to keep the service running, use --keep or KEEP=1; API docs are then at {local.url}/docs")
    return 0


def serve_until_interrupted(local: TemporaryService, report: Report) -> None:
    """Wait for Ctrl-C. Raises ServiceError when the service exits before."""
    report.say(f"\nthe service runs at {local.url} until Ctrl-C; API docs: {local.url}/docs")
    report.say(f"user: {local.username}  password: {local.password}")
    try:
        local.child.wait()
    except KeyboardInterrupt:
        report.say("\nstopping")
        return
    raise ServiceError("the service has exited")


def _run(client: Client, request: Request, report: Report) -> str:
    """Check what is asked, upload, detect and report. Returns the id of the job."""
    check(partial(models_of, client), request.model, request.options | {"fps": request.fps})
    video = _upload(client, request, report)
    with discarding(client, video["id"]):
        job = client.start(video["id"], request.model, request.options)
    job = _wait(client, job["id"], report)
    if job["state"] in ("failed", "cancelled"):
        error = job["error"] or {}
        reason = f": {error.get('detail')} ({error.get('code')})" if error else ""
        raise ServiceError(f"the job {job['id']} ended as {job['state']}{reason}")
    summary = client.summary(job["id"])
    report.summary(summary)
    if job["state"] == "partial":
        missing = [f"frames {r['first']} to {r['last']}: {r['reason']}" for r in job["failed_ranges"]]
        report.warn("the result is incomplete: " + "; ".join(missing or [job["error"]["detail"]]))
    if request.output:
        _write(request.output, client, job, summary)
        report.say(f"all frames: {request.output}")
    return str(job["id"])


def _upload(client: Client, request: Request, report: Report) -> dict[str, Any]:
    path = request.file
    size = path.stat().st_size
    with report.sending(path.name) as bar:
        return client.upload(path, lambda sent: bar.show(sent, size), fps=request.fps)


def _wait(client: Client, job_id: str, report: Report) -> dict[str, Any]:
    job: dict[str, Any] = {}
    with report.detecting() as bar:
        for job in client.follow(job_id):
            progress = job["progress"]
            rate, left = progress["fps"], progress["eta_s"]
            notes = [f"{rate:.1f} frames/s"] if rate else []
            notes += [f"{left:.0f} s left"] if left else []
            bar.show(progress["frames_done"], progress["frames_total"], ", ".join(notes) or job["state"])
    return job


def _write(path: Path, client: Client, job: dict[str, Any], summary: dict[str, Any]) -> None:
    """Write all frames to a file atomically, streaming them."""
    with replacing(path) as sink:
        if path.suffix == ".ndjson":
            sink.writelines(line + "\n" for line in client.results(job["id"]))
            return
        sink.write('{"job": ' + msgspec.json.encode(job).decode())
        sink.write(',\n"summary": ' + msgspec.json.encode(summary).decode() + ',\n"frames": [')
        for number, line in enumerate(client.results(job["id"])):
            sink.write((",\n" if number else "\n") + line)
        sink.write("\n]}\n")
