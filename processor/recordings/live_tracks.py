"""The tracks of a recording, as they were made while its stream ran: an object has one number in all recordings."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from analytics.tracking.records import tracks_of
from analytics.tracking.tracker import NAME, VERSION
from contracts.database.tables import Job
from contracts.errors import WebDetectorError
from contracts.results import tracks_file
from contracts.results.codec import Block
from contracts.results.tracks import TrackerParameters, Tracks, TracksState, TracksStep, settled
from contracts.results.tracks_file import TracksHeader, encode_numbers
from contracts.storage.digest import sha256_of
from contracts.storage.port import Storage, result_key, tracks_key
from contracts.wire.messages import SCHEMA, ResultHeader, to_json
from processor.alerts.recorded import alert_of_job, link_alerts
from processor.context import Services
from processor.renditions.picture_rows import renew_pictures, send_pictures
from processor.search.index import index_tracks

log = logging.getLogger(__name__)


def file_tracks(
    storage: Storage, job: Job, header: ResultHeader, blocks: Iterable[Block], seen: Mapping[int, int]
) -> Tracks:
    """Write the tracks file of a recording's result. blocks: those of its result file, with the numbers of tracks.
    seen: in how many frames of the stream each was found. Raises StorageFull, StorageUnavailable."""
    parameters = settled(TrackerParameters(), header.plan.options.min_score)
    parts = list(blocks)
    least = min(parameters.min_frames, sum(map(len, parts)))
    wanted = {number for number, frames in seen.items() if number and frames >= least}
    tracks = tracks_of(parts, wanted, header.media.height)
    digest = sha256_of(storage, result_key(job.video_id, job.id))[0]
    made_by = TracksHeader(SCHEMA, NAME, VERSION, parameters, digest, live=True)
    with storage.create(tracks_key(job.video_id, job.id)) as sink:
        tracks_file.write(sink, made_by, (encode_numbers(part.tracks) for part in parts), tracks.id, tracks)
    return tracks


def ready_state(tracks: Tracks) -> dict[str, Any]:
    """The column `tracks` of the job."""
    state = TracksState(TracksStep.READY, tracker=f"{NAME} {VERSION}", tracks=len(tracks))
    return dict(to_json(state))


def make_found(services: Services, job: Job, tracks: Tracks) -> None:
    """Let searches and alert rules find the tracks of a recording that is filed, the alerts of its stream lead to it,
    and have pictures of them made. What cannot be done for now is done by a periodic job."""
    renew_pictures(services, job, len(tracks))
    send_pictures(services, job)
    try:
        link_alerts(services, job, tracks)
    except WebDetectorError as error:
        log.warning("the alerts of the stream do not lead to job %s for now: %s", job.id, error.detail)
    try:
        index_tracks(services, job, tracks)
        alert_of_job(services, job, tracks)
    except WebDetectorError as error:
        log.warning("the tracks of job %s cannot be searched for now: %s", job.id, error.detail)
