"""What the rules of a user make of the tracks of a job that has ended."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from analytics.alerts.rule import Rule, Sighting, dwells_wanted
from analytics.scenes.events import Event, EventType
from analytics.scenes.recorded import recorded_events, rules_of
from analytics.scenes.scene import FOOT, place
from analytics.search.hours import to_ms
from contracts.database.tables import Job, Scene, Video, utcnow
from contracts.errors import InvalidInput
from contracts.results.codec import time_ms
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.results.tracks import Tracks
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import Storage, result_key, tracks_key
from contracts.wire.alert_failures import AlertFailure
from contracts.wire.messages import ResultHeader
from processor.alerts.failures import RuleFailures
from processor.alerts.offering import offer
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

# What was recorded before that raises no alert: nobody is alarmed by what is long over.
OLDEST = timedelta(days=7)
_AT_ONCE = 1000
_BORDER_MS = 1000


@dataclass(frozen=True, slots=True)
class _Context:
    """What the sightings of a job have in common. begin: of the video, in ms since 1970. stream_id: of which the video
    is a recording that has the stream's tracks."""

    job: Job
    video: Video
    header: ResultHeader
    tracks: Tracks
    begin: int
    stream_id: str | None

    def sighting(self, index: int, first: int, last: int) -> Sighting:
        """Of a track, by its place. first, last: times in the time base of the video."""
        tracks, header = self.tracks, self.header
        start, end = (round(time_ms(time, header.time_base)) for time in (first, last))
        return Sighting(
            track=int(tracks.id[index]),
            label=header.labels[int(tracks.class_id[index])],
            score=int(tracks.best_score[index]),
            begin=self.begin + start,
            end=self.begin + end,
            start=start,
            dated=self.video.recorded_at is not None,
            stream_id=self.stream_id,
            video_id=self.video.id,
            job_id=self.job.id,
            source=self.video.source,
            tags=frozenset(self.video.tags),
        )


def link_alerts(services: Services, job: Job, tracks: Tracks) -> None:
    """Let the alerts of the stream that a job's video is a recording of lead to this video, whatever became of their
    rules, where the job has the stream's tracks. Idempotent. Raises NotFound, CorruptData, StorageUnavailable."""
    rows = AlertRows(services.repository.engine)
    stream_id = rows.stream_of(job.video_id)
    waiting = stream_id is not None and len(tracks) > 0 and rows.has_unlinked(stream_id)
    video = services.repository.video(job.video_id) if waiting else None
    if video is None:
        return
    found = _context(services, job, video, tracks, stream_id)
    if found.stream_id is not None:
        rows.link(found.stream_id, job, found.begin, found.sighting(0, 0, int(tracks.last_time.max())).end)


def alert_of_job(services: Services, job: Job, tracks: Tracks) -> None:
    """Raise the alerts of a job whose tracks are stored, once: see AlertRows.rules_for_job. Idempotent until it ends,
    so that it is repeated where a process is killed, or where a rule cannot be asked, which is logged. Raises NotFound,
    CorruptData, StorageUnavailable."""
    rows = AlertRows(services.repository.engine)
    rules, complete = rows.rules_for_job(job)
    video = services.repository.video(job.video_id) if rules else None
    if video is None:
        return
    broken = _ask(services, rows, _context(services, job, video, tracks, rows.stream_of(job.video_id)), rules)
    if complete and not broken:
        rows.note_job(job.id)


def _ask(services: Services, rows: AlertRows, found: _Context, rules: Sequence[Rule]) -> set[str]:
    """Raise what the rules make of a job; returns the ids of those that cannot be asked. Notes which have failed."""
    job, tracks = found.job, found.tracks
    broken: set[str] = set()
    missed: set[str] = set()  # ids of rules, at whose scenes it has too many events
    oldest = to_ms(utcnow() - OLDEST)
    of_tracks = [rule for rule in rules if rule.search.scene_id is None]
    for part in _tracks(found) if of_tracks else ():
        offer(services, job.user_id, (one for one in part if one.end >= oldest), of_tracks, broken)
    of_scenes = [rule for rule in rules if rule.search.scene_id is not None]
    lately = len(tracks) > 0 and found.sighting(0, 0, int(tracks.last_time.max())).end >= oldest
    for part in _events(services, rows, found, of_scenes, missed) if of_scenes and lately else ():
        offer(services, job.user_id, (one for one in part if one.end >= oldest), of_scenes, broken)
    if lately:
        RuleFailures(services.repository.engine).clear({rule.id for rule in rules} - broken - missed)
    return broken


def _context(services: Services, job: Job, video: Video, tracks: Tracks, stream_id: str | None) -> _Context:
    with services.storage.open(result_key(video.id, job.id)) as source:
        header = ResultFile(source).header
    with services.storage.open(tracks_key(video.id, job.id)) as source:
        live = TracksFile(source).header.live
    begin = to_ms(video.recorded_at or video.created_at)
    return _Context(job, video, header, tracks, begin, stream_id if live else None)


def _tracks(found: _Context) -> Iterator[list[Sighting]]:
    """The tracks in the order in which they begin, so many at a time."""
    tracks = found.tracks
    for start in range(0, len(tracks), _AT_ONCE):
        places = range(start, min(start + _AT_ONCE, len(tracks)))
        yield [found.sighting(at, int(tracks.first_time[at]), int(tracks.last_time[at])) for at in places]


def _events(
    services: Services, rows: AlertRows, found: _Context, rules: Sequence[Rule], missed: set[str]
) -> Iterator[list[Sighting]]:
    """The events at the scenes that rules name, those of one scene and one time of dwelling at a time. missed: the ids
    of rules at whose scene there are too many are added."""
    for scene_id, dwells in dwells_wanted(rules).items():
        scene = rows.scene(scene_id)
        if scene is None:
            continue
        for dwell_ms in sorted(dwells, key=lambda dwell: -1 if dwell is None else dwell):
            try:
                yield _events_at(services.storage, found, scene, dwell_ms)
            except InvalidInput as error:
                log.warning("job %s raises no alerts at scene %s: %s", found.job.id, scene_id, error.detail)
                for rule in rules:
                    if rule.search.scene_id == scene_id and rule.search.dwell_ms in (None, dwell_ms):
                        RuleFailures(services.repository.engine).note(rule, AlertFailure.TOO_MANY_EVENTS)
                        missed.add(rule.id)


def _events_at(storage: Storage, found: _Context, scene: Scene, dwell_ms: int | None) -> list[Sighting]:
    """The events at a scene. Raises InvalidInput for too many."""
    media, job = found.header.media, found.job
    placed = place(scene.zones, scene.lines, media.width, media.height)
    with (
        storage.open(result_key(job.video_id, job.id)) as results,
        storage.open(tracks_key(job.video_id, job.id)) as tracks,
    ):
        file = TracksFile(tracks)
        frames = FiledFrames(ResultFile(results), file)
        rules = rules_of(found.header, dwell=None if dwell_ms is None else dwell_ms / 1000, live=file.header.live)
        events = recorded_events(frames, found.tracks, placed, rules, FOOT)
    at_scene = [_at_scene(found, event, scene, dwell_ms) for event in events]
    if found.stream_id is None:
        return at_scene
    last = found.sighting(0, 0, int(found.tracks.last_time.max())).end
    return [one for one in at_scene if not _is_of_border(one, last)]


def _is_of_border(sighting: Sighting, last: int) -> bool:
    """Whether an object only appears because a recording begins, or disappears because it ends: the stream went on.
    last: when the recording ends, in ms since 1970."""
    if sighting.event is EventType.APPEARS:
        return sighting.start < _BORDER_MS
    return sighting.event is EventType.DISAPPEARS and sighting.begin > last - _BORDER_MS


def _is_ongoing(found: _Context, event: Event) -> bool:
    """Whether an object dwells that was in the zone when a recording began."""
    if found.stream_id is None or event.type is not EventType.DWELLS:
        return False
    return time_ms(event.time - (event.ticks or 0), found.header.time_base) < _BORDER_MS


def _at_scene(found: _Context, event: Event, scene: Scene, dwell_ms: int | None) -> Sighting:
    zones = len(scene.zones)
    at_zone = event.target < zones
    return replace(
        found.sighting(int(found.tracks.id.searchsorted(event.track)), event.time, event.time),
        scene_id=scene.id,
        event=event.type,
        zone=scene.zones[event.target]["name"] if at_zone else None,
        line=None if at_zone else scene.lines[event.target - zones]["name"],
        direction=event.direction,
        dwell_ms=dwell_ms,
        ongoing=_is_ongoing(found, event),
    )
