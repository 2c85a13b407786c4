"""`web-detector stream demo`: loop a video as a live stream, watch it for some seconds, and print what that gave."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.client.detect import serve_until_interrupted
from cli.client.report import Report
from cli.client.shell import sign_in
from cli.embedded.temporary_service import temporary_service
from web_detector.http_client import Client, ServiceError

_LIVE_SECONDS = 60.0
_POLL_SECONDS = 1.0
_pause = time.sleep


def demo(file: Path, seconds: float, keep: bool, environ: Mapping[str, str], report: Report) -> None:
    """Use the service at WEB_DETECTOR_URL, else a temporary one. keep: leave that running until Ctrl-C, with the
    stream. Raises ServiceError, TemporaryServiceFailed."""
    if not file.is_file():
        raise ServiceError(f"there is no file {file}")
    if url := environ.get("WEB_DETECTOR_URL", "").strip():
        with Client(url) as client:
            sign_in(client, environ)
            _run(client, file, seconds, False, report)
        return
    report.say("starting the service")
    with temporary_service(environ) as local, Client(local.url, direct=True) as client:
        client.register(local.username, local.password)
        _run(client, file, seconds, keep, report)
        if keep:
            serve_until_interrupted(local, report)
        else:
            report.say("to keep the service and the stream running, use --keep or KEEP=1")


def _run(client: Client, file: Path, seconds: float, keep: bool, report: Report) -> None:
    with report.sending(file.name) as bar:
        size = file.stat().st_size
        video = client.upload(file, lambda sent: bar.show(sent, size))
    found = client.add_stream({"kind": "video", "video_id": video["id"], "name": f"demo {file.name}"})
    try:
        began = time.monotonic()
        live = _live(client, found["id"])
        report.say(f"live after {time.monotonic() - began:.1f} s: {live['live']['codec']}, {_size(live['live'])}")
        _watch(client, live, seconds, report)
    finally:
        if not keep:
            client.delete_stream(found["id"])
            client.delete_video(video["id"])


def _live(client: Client, stream_id: str) -> dict[str, Any]:
    """The stream with its first results. Raises ServiceError."""
    deadline = time.monotonic() + _LIVE_SECONDS
    while True:
        found = client.stream(stream_id)
        if found["state"] == "live" and found["live"]["latency_ms"]:
            return found
        if found["state"] == "failed" or time.monotonic() > deadline:
            why = found["detail"] or found["reason"] or "no result came"
            raise ServiceError(f"the stream is {found['state']}: {why}")
        _pause(_POLL_SECONDS / 4)


def _watch(client: Client, found: Mapping[str, Any], seconds: float, report: Report) -> None:
    query: dict[str, Any] = {"from_ms": 0}
    frames, labels, times = 0, Counter[str](), [0.0, 0.0]
    before, end = found["live"], time.monotonic() + seconds
    live = before
    while time.monotonic() < end:
        _pause(_POLL_SECONDS)
        live = client.stream(found["id"])["live"]
        page = client.stream_results(found["id"], **query)
        query["cursor"] = page["next_cursor"]
        if page["frames"]:
            times = [times[0] or page["frames"][0]["time_ms"], page["frames"][-1]["time_ms"]]
        frames += len(page["frames"])
        labels.update(one["label"] for frame in page["frames"] for one in frame["detections"])
        report.say(
            f"{live['fps_in']:5.1f} frames/s in, {live['fps_out']:5.1f} analysed, "
            f"latency {_latency(live)}, dropped {sum(live['dropped'].values())}"
        )
    rate = frames / max(1.0, times[1] - times[0]) * 1000
    reasons = ", ".join(f"{count} {reason}" for reason, count in live["dropped"].items()) or "none"
    report.say(f"\n{frames} frames analysed, {rate:.1f} frames/s; latency p50/p95 {_latency(live)}; dropped: {reasons}")
    report.say("seen: " + (", ".join(f"{label} ({count})" for label, count in labels.most_common(5)) or "nothing"))


def _latency(live: Mapping[str, Any]) -> str:
    return "/".join(f"{one:.0f}" for one in live["latency_ms"] or ()) + " ms" if live["latency_ms"] else "unknown"


def _size(live: Mapping[str, Any]) -> str:
    return f"{live['width']}x{live['height']}"
