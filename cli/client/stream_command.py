"""`web-detector stream`: add, list, watch, start, stop and delete live streams of a running service; a demo."""

import argparse
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from cli.client.report import Report
from cli.client.shell import discarding, logged_in, terminable
from cli.client.stream_demo import demo
from cli.client.wanted import check, labels_of, models_of
from cli.embedded.temporary_service import TemporaryServiceFailed
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_POLL_SECONDS = 0.5
_ENDED = ("stopped", "failed")
_HEADS = ("id", "name", "kind", "state", "reason", ":fps in", ":fps out", ":latency ms", ":dropped")
_pause = time.sleep
_CAMERA = re.compile(r"(rtsp|https?)://", re.IGNORECASE)


def stream(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ), {ServiceError: "", TemporaryServiceFailed: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.command == "demo":
        keep = options.keep or environ.get("KEEP", "").strip() not in ("", "0")
        with terminable():
            demo(options.file, options.seconds, keep, environ, Report())
        return 0
    report = Report()
    with logged_in(environ) as client:
        _COMMANDS[options.command](client, options, report)
    return 0


def _add(client: Client, options: argparse.Namespace, report: Report) -> None:
    if options.record is None and options.keep_days is not None:
        raise ServiceError("--keep-days needs --record: without it nothing is recorded")
    wanted = {"min_score": options.min_score, "max_fps": options.max_fps, "labels": labels_of(options.labels)}
    recorded = {"minutes": options.record, "keep_days": options.keep_days}
    asked = {
        "name": options.name,
        "model": options.model,
        "options": _given(wanted),
        "record": _given(recorded) if options.record is not None else None,
    }
    check(partial(models_of, client), options.model, wanted | recorded)
    source, uploaded = _source(client, options.source, report)
    with discarding(client, uploaded):
        report.say(_line(client.add_stream(_given(source | asked))))


def _source(client: Client, text: str, report: Report) -> tuple[dict[str, Any], str | None]:
    """What a stream is read from, and the id of the video that was uploaded for it, None for none. Raises
    ServiceError."""
    if text == "-":
        text = sys.stdin.readline().strip()
    if found := _CAMERA.match(text):
        return {"kind": "rtsp" if found[1].lower() == "rtsp" else "http", "url": text}, None
    if _is_id(text):
        return {"kind": "video", "video_id": text}, None
    path = Path(text)
    if not path.is_file():
        raise ServiceError(
            "the source is neither an address (rtsp://, http://, https://), nor a file, nor the id of a video"
        )
    with report.sending(path.name) as bar:
        size = path.stat().st_size
        video = client.upload(path, lambda sent: bar.show(sent, size))
    return {"kind": "video", "video_id": video["id"]}, video["id"]


def _show_list(client: Client, _options: argparse.Namespace, report: Report) -> None:
    report.table(_HEADS, map(_row, client.streams()), "no live streams")


def _row(stream: Mapping[str, Any]) -> tuple[str, ...]:
    live = stream["live"]
    dropped = str(sum(live["dropped"].values()))
    numbers = (f"{live['fps_in']:.1f}", f"{live['fps_out']:.1f}", _latency(live), dropped)
    return (stream["id"], stream["name"], stream["kind"], stream["state"], stream["reason"] or "", *numbers)


def _watch(client: Client, options: argparse.Namespace, report: Report) -> None:
    """Print the results from now on, until an interrupt or the end of the stream."""
    state = ""
    for page, found in _followed(client, _named(client, options.stream)):
        # Of a stream that has ended the last results come first.
        if found["state"] != state and not (page["frames"] and found["state"] in _ENDED):
            state = found["state"]
            report.say(_line(found))
        for frame in page["frames"]:
            if frame["detections"] or options.all:
                seen = (f"{one['label']} {one['score']:.2f}" for one in frame["detections"])
                report.say(f"{frame['time_ms'] / 1000:.2f} s  {', '.join(seen)}")


def _followed(client: Client, found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Pages of the results from now on, each with the stream as it is then; ends behind the last results of a stream
    that is stopped or has failed."""
    started = found["started_at"]
    age = datetime.now(UTC) - datetime.fromisoformat(started)
    query: dict[str, Any] = {"from_ms": max(0.0, age.total_seconds() * 1000)}
    while True:
        found = client.stream(found["id"])
        if found["started_at"] != started:  # whose clock, and cursors, begin again
            started, query = found["started_at"], {"from_ms": 0}
        page = client.stream_results(found["id"], **query)
        query["cursor"] = page["next_cursor"]
        yield page, found
        if found["state"] not in _ENDED:
            _pause(_POLL_SECONDS)
        elif not page["frames"]:
            return


def _start(client: Client, options: argparse.Namespace, report: Report) -> None:
    report.say(_line(client.start_stream(_named(client, options.stream)["id"])))


def _stop(client: Client, options: argparse.Namespace, report: Report) -> None:
    report.say(_line(client.stop_stream(_named(client, options.stream)["id"])))


def _delete(client: Client, options: argparse.Namespace, report: Report) -> None:
    found = _named(client, options.stream)
    client.delete_stream(found["id"])
    report.say(f"{found['id']}  {found['name']}  deleted; its recordings stay")


_COMMANDS: dict[str, Callable[[Client, argparse.Namespace, Report], None]] = {
    "add": _add,
    "list": _show_list,
    "watch": _watch,
    "start": _start,
    "stop": _stop,
    "delete": _delete,
}


def _named(client: Client, text: str) -> dict[str, Any]:
    """The stream of an id or a name. Raises ServiceError."""
    if _is_id(text):
        return client.stream(text)
    found = [one for one in client.streams() if one["name"] == text]
    if len(found) != 1:
        many = f"{len(found)} streams have the name {text!r}: give the id" if found else f"there is no stream {text!r}"
        raise ServiceError(f"{many}; `web-detector stream list` shows all")
    return found[0]


def _line(found: Mapping[str, Any]) -> str:
    why = f": {found['detail'] or found['reason']}" if found["reason"] else ""
    return f"{found['id']}  {found['name']}  {found['state']}{why}"


def _latency(live: Mapping[str, Any]) -> str:
    return "" if live["latency_ms"] is None else "/".join(f"{one:.0f}" for one in live["latency_ms"])


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector stream",
        description="Live streams of the service at WEB_DETECTOR_URL. Logs in with WEB_DETECTOR_USER and "
        "WEB_DETECTOR_PASSWORD.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a camera, or a video that is looped, and start it")
    add.add_argument(
        "source",
        metavar="SOURCE",
        help="address (rtsp://, http://, https://), - to read one from stdin, where other users of the machine do not "
        "see its password, a video file, or the id of a stored video",
    )
    add.add_argument("--name", help="name of the stream (default: the host, or the file name)")
    add.add_argument("--model", help="model id (default: the service's default model)")
    add.add_argument("--min-score", type=float, metavar="S", help="minimum score of a detection, 0.01 to 1")
    add.add_argument("--labels", metavar="A,B", help="detect only objects with these labels")
    add.add_argument("--max-fps", type=float, metavar="F", help="analyse at most this many frames per second")
    add.add_argument("--record", type=float, metavar="MINUTES", help="record it, in videos of this length")
    add.add_argument("--keep-days", type=float, metavar="D", help="delete recordings that are older")
    commands.add_parser("list", help="list all streams with state, rates, latency and drops")
    watch = commands.add_parser("watch", help="print what is detected, until Ctrl-C")
    watch.add_argument("--all", action="store_true", help="print frames without objects too")
    shown = commands.add_parser("demo", help="loop a video as a live stream, and print rates, latency and drops")
    shown.add_argument("file", type=Path, metavar="FILE", help="video file")
    shown.add_argument("--seconds", type=float, default=15, metavar="S", help="how long (default %(default)s)")
    shown.add_argument("--keep", action="store_true", help="keep the temporary service running until Ctrl-C")
    texts = {"start": "start a stream, or connect it anew", "stop": "stop a stream"}
    texts["delete"] = "delete a stream; its recordings stay"
    for command in (watch, *(commands.add_parser(name, help=text) for name, text in texts.items())):
        command.add_argument("stream", metavar="STREAM", help="id or name")
    return parser
