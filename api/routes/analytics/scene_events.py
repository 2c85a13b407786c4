"""GET /jobs/{id}/scenes/{id}/events and /counts: what tracks did at zones and lines, computed when it is asked for."""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from analytics.scenes.levels import Rules
from analytics.scenes.recorded import recorded_events, rules_of
from analytics.scenes.scene import FOOT, place
from api.context import Services, context
from api.results import scene_events
from api.results.csv_rows import csv_rows
from api.results.paging import format_cursor, parse_cursor
from api.results.responses import JSON, number, stream
from api.results.scene_events import EventQuery, SceneEvents
from api.results.sources import Frames, open_tracked
from api.web.asgi_operations import asgi_operation
from api.web.content_disposition import attachment
from contracts.database.tables import Job, Scene
from contracts.results.tracks_file import TracksFile

_CSV = "text/csv"
_DEFAULT_LIMIT = 200
_DEFAULT_INTERVAL = 60.0


@asgi_operation()
async def job_scene_events(request: Request, user: str) -> Response:
    """The events of a job at a scene: a page, or all as CSV."""
    return await _respond(request, user, "events")


@asgi_operation()
async def job_scene_counts(request: Request, user: str) -> Response:
    """The events of a job at a scene, counted over time."""
    return await _respond(request, user, "counts")


async def _respond(request: Request, user: str, what: str) -> Response:
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    scene = await run_sync(services.scenes.get, user, request.path_params["scene_id"])
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    as_csv = request.query_params.get("format") == "csv"
    if as_csv:
        video = await run_sync(services.videos.get, user, job.video_id)
        headers |= {
            "Content-Disposition": attachment(video.name, f"-{what}.csv"),
            "X-Content-Type-Options": "nosniff",
        }
    make = _events if what == "events" else _counts
    pieces = partial(make, services, job, scene, request.query_params)
    return await stream(request, pieces, _CSV if as_csv else JSON, headers)


def _events(services: Services, job: Job, scene: Scene, parameters: QueryParams) -> Iterator[bytes]:
    found, query = _asked(services, job, scene, parameters)
    if parameters.get("format") == "csv":
        return csv_rows(scene_events.event_rows(found, query))
    first = parse_cursor(parameters.get("cursor"), query)
    shown, after = scene_events.page(found, query, first, int(parameters.get("limit", _DEFAULT_LIMIT)))
    return _document({"events": shown, "next_cursor": None if after is None else format_cursor(after, query)})


def _counts(services: Services, job: Job, scene: Scene, parameters: QueryParams) -> Iterator[bytes]:
    found, query = _asked(services, job, scene, parameters)
    interval = number(parameters, "interval")
    counts = scene_events.count(found, query, _DEFAULT_INTERVAL if interval is None else interval)
    return csv_rows(counts.rows()) if parameters.get("format") == "csv" else _document(counts.document())


def _asked(services: Services, job: Job, scene: Scene, parameters: QueryParams) -> tuple[SceneEvents, EventQuery]:
    """All events, and which of them are wanted. Raises errors of the request."""
    with open_tracked(job, services.store, services.storage) as (frames, tracks):
        linger = int(parameters["linger"]) if "linger" in parameters else None
        anchor, live = parameters.get("point", FOOT), tracks.header.live
        rules = rules_of(frames.header, linger, number(parameters, "dwell"), live=live)
        key = (job.id, tracks.header.digest(), scene.id, scene.revision, rules, anchor)
        # First, since it is refused where it makes no sense.
        query = scene_events.query_of(parameters, hashlib.sha256(repr(key).encode()).hexdigest())
        compute = partial(_compute, frames, tracks, scene, rules, anchor)
        found = services.scene_events.get(key, job.user_id, compute)
    scene_events.require_known(found, query)
    return found, query


def _compute(frames: Frames, file: TracksFile, scene: Scene, rules: Rules, anchor: str) -> SceneEvents:
    header, tracks = frames.header, file.tracks()
    placed = place(scene.zones, scene.lines, header.media.width, header.media.height)
    first, last = _span(frames)
    return SceneEvents(
        events=recorded_events(frames, tracks, placed, rules, anchor),
        zones=tuple(zone.name for zone in placed.zones),
        lines=tuple(line.name for line in placed.lines),
        labels=header.labels,
        track=tracks.id,
        class_id=tracks.class_id,
        score=tracks.best_score,
        time_base=header.time_base,
        first_time=first,
        last_time=last,
    )


def _span(frames: Frames) -> tuple[int, int]:
    """The times of the first and the last frame; 0 without any."""
    ends = [frames.segment(position, masks=False) for position in sorted({0, len(frames.starts) - 1}) if position >= 0]
    times = [int(block.time[edge]) for edge, block in ((0, ends[0]), (-1, ends[-1])) if block] if ends else []
    return (times[0], times[-1]) if times else (0, 0)


def _document(content: dict[str, Any]) -> Iterator[bytes]:
    return iter((msgspec.json.encode(content),))
