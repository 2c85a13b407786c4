"""Probes a video in its user's share of the processors. Idempotent."""

import logging

from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.tables import Video
from contracts.errors import StorageUnavailable, VideoRefused, WebDetectorError
from contracts.results.codec import compress
from contracts.runtime.steps import fail, step
from contracts.storage.port import index_key, video_key
from contracts.wire.messages import ProbeReport, VideoMedia, encode, from_json
from media.child_output import ChildKilled
from processor.context import Services
from processor.probe.ask import probe
from processor.task_signatures import process_signature, render_signature
from processor.tries import TRIES_SECONDS, pause
from processor.user_share import Leases, leased, send_waiting

log = logging.getLogger(__name__)

# A deployment may interrupt some of them.
MOST_TRIES = 5
_REPLY_SECONDS = 60


def probe_video(services: Services, video_id: str) -> None:
    """Probe a video, store its metadata and packet index, and send what waits for it: the reply to the upload, the
    poster, jobs. Does nothing while another process probes it or the user's share is used up.

    Raises StorageFull, StorageUnavailable, ChildKilled; the reaper then sends the probe again, after ChildKilled later
    and later."""
    video = services.repository.video(video_id)
    if video is None:
        return
    if video.media is not None or video.refused is not None:  # a repeated message
        _follow_up(services, video_id, _known(video))
        return
    with leased(services, names.probe_lease(video_id), video.user_id) as held:
        if held is None:
            return
        with step("probe"):
            report = _probe(services, video, held)
    send_waiting(services, video.user_id)  # before the poster of this video is among what waits
    _follow_up(services, video_id, report)


def _probe(services: Services, video: Video, held: Leases) -> ProbeReport:
    """Probe a video and store the result; the report is without the index."""
    tries = names.probe_attempts(video.id)
    tried = services.coordination.count(tries, TRIES_SECONDS)
    if tried > MOST_TRIES:
        report = ProbeReport(refused=f"it could not be read in {MOST_TRIES} tries: it is damaged, or made to do harm")
    else:
        try:
            report = probe(services.storage, services.settings, video_key(video.id), video.fps, held.renew)
        except StorageUnavailable:
            services.coordination.reset_count(tries)
            raise
        except ChildKilled:
            if tried < MOST_TRIES:  # most likely it lacked memory; after the last try the file goes
                pause(services, names.probe_lease(video.id), tried)
            raise
    if report.refused:
        fail(VideoRefused.code)
    try:
        _store(services, video, report)
    except (WebDetectorError, SQLAlchemyError):
        if tried <= MOST_TRIES:  # it was read: a full storage or a locked table says nothing about it
            services.coordination.reset_count(tries)
        raise
    services.coordination.reset_count(tries)
    return ProbeReport(media=report.media, refused=report.refused)


def _store(services: Services, video: Video, report: ProbeReport) -> None:
    if report.index is not None:
        with services.storage.create(index_key(video.id)) as sink:
            sink.write(compress(encode(report.index)))
    if not services.repository.probed(video.id, report.media, report.refused):
        services.storage.delete(index_key(video.id))  # deleted meanwhile


def _known(video: Video) -> ProbeReport:
    return ProbeReport(media=from_json(video.media, VideoMedia) if video.media else None, refused=video.refused)


def _follow_up(services: Services, video_id: str, report: ProbeReport) -> None:
    services.coordination.reply(names.probe_reply(video_id), encode(report), _REPLY_SECONDS)
    try:
        if report.refused:
            services.storage.delete(video_key(video_id))
        elif (poster := services.repository.add_poster(video_id)) is not None:
            render_signature(services, poster).apply_async()
        for job_id in services.repository.jobs_in_planning(video_id):
            process_signature(services, job_id).apply_async()
    except (OperationalError, ConnectionError) as error:  # the reaper sends it
        log.warning("cannot send what waits for the probe of %s for now: %s", video_id, error)
