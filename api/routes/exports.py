"""GET /jobs/{id}/export: download the results as a file."""

from collections.abc import Iterator
from functools import partial

from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.results.export_formats import FORMATS
from api.results.exports.export import Export, ExportFormat
from api.results.responses import flag, labels, number, respond, whole
from api.results.selection import Query, Selection
from api.results.sources import open_frames
from api.results.track_state import require_tracks
from api.web.asgi_operations import asgi_operation
from api.web.content_disposition import attachment
from contracts.database.tables import Job, Video
from contracts.errors import InvalidInput, ResultsNotReady
from contracts.wire.job_states import TERMINAL


@asgi_operation()
async def job_export(request: Request, user: str) -> Response:
    """Stream all selected frames in one of the export formats."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    video = await run_sync(services.videos.get, user, job.video_id)
    export_format = FORMATS[request.query_params["format"]]
    headers = {
        "Content-Disposition": attachment(video.name, f"-detections.{export_format.suffix}"),
        "X-Content-Type-Options": "nosniff",
    }
    pieces = partial(_pieces, services, job, video, export_format, request.query_params)
    return await respond(request, job, pieces, export_format.media_type, **headers)


def _pieces(
    services: Services, job: Job, video: Video, export_format: ExportFormat, parameters: QueryParams
) -> Iterator[bytes]:
    """The file in pieces. Errors of the request are raised here, before the response starts."""
    if job.state not in TERMINAL:
        raise ResultsNotReady(f"the job is {job.state}: export its results when it has ended")
    query = Query(
        labels=labels(parameters),
        min_score=number(parameters, "min_score"),
        filled=flag(parameters, "filled"),
        track=whole(parameters, "track"),
    )
    if export_format.needs_tracks or query.track is not UNSET:
        require_tracks(job)
    bom = int(parameters.get("bom", 0)) == 1
    if bom and export_format is not FORMATS["csv"]:
        raise InvalidInput("bom is for CSV: leave it out with other formats")
    frames = open_frames(job, services.store, services.storage)
    if frames is None:
        raise ResultsNotReady(f"the job is {job.state} and has no results")
    try:
        export = Export(job, video, frames, Selection(query, frames.header, frames.tracks), bom)
        pieces = export_format.write(export)
    except BaseException:
        frames.close()
        raise
    return _closing(pieces, export)


def _closing(pieces: Iterator[bytes], export: Export) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        export.frames.close()
