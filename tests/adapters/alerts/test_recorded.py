"""The tracks of a job that has ended raise alerts, once, whatever happens in between."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from analytics.alerts.rule import Sighting, stream_source
from analytics.scenes.events import EventType
from analytics.search.hours import to_ms
from contracts.coordination import names
from contracts.database.tables import Alert, AlertRule, Job, Recording, Scene, Stream, Video, new_id, utcnow
from contracts.errors import StorageUnavailable
from contracts.results.tracks import TrackerParameters, Tracks, TracksState, TracksStep
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import alert_picture_key, result_key, tracks_key
from contracts.wire.messages import to_json
from processor.alerts import missing, recorded, retention
from processor.alerts import rows as alert_rows
from processor.alerts.missing import alert_missing
from processor.alerts.offering import offer
from processor.alerts.recorded import alert_of_job, link_alerts
from processor.alerts.retention import expire_alerts
from processor.alerts.rows import AlertRows
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import orphans
from processor.recordings import live_tracks
from processor.tracking.tracking import track_job
from tests.support.live.live_stream import JPEG, LiveStream
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.unit.analytics.scenes.filed import file_bytes, walk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path_factory.mktemp("desk"), valkey)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stored(desk: InProcessProcessor) -> Video:
    return desk.add_video(clip(frames=30))


@pytest.fixture
def video(desk: InProcessProcessor, stored: Video) -> Video:
    """Of a yard, an hour ago."""
    desk.change(Video, stored.id, recorded_at=utcnow() - timedelta(hours=1), tags=["yard"])
    return stored


@pytest.fixture(autouse=True)
def clean(desk: InProcessProcessor) -> Iterator[None]:
    yield
    with desk.engine.begin() as connection:
        for table in (AlertRule, Scene, Recording, Job):
            connection.execute(delete(table))


def add_rule(desk: InProcessProcessor, **values: Any) -> AlertRule:
    usual: dict[str, Any] = {"name": "x", "enabled": True, "search": {"tag": ["yard"]}, "at_most_one_in_s": 1}
    rule = AlertRule(id=new_id(), user_id=desk.user, **usual | values)
    desk.add(rule)
    return rule


def alerts(desk: InProcessProcessor) -> list[Alert]:
    with Session(desk.engine) as session:
        return list(session.scalars(select(Alert).order_by(Alert.at, Alert.key)))


def again(desk: InProcessProcessor, job: Job, **parameters: Any) -> None:
    wanted = TracksState(TracksStep.QUEUED, TrackerParameters(**parameters))
    desk.change(Job, job.id, tracks=to_json(wanted))
    track_job(desk.services, job.id)


def walked(desk: InProcessProcessor, video: Video, *, live: bool = False) -> Job:
    """A job of which someone comes from the left into the right half and leaves it again, someone stays there, and
    someone on the left. live: whether its tracks are those of a stream."""
    job = desk.add_job(video)
    there = [(600 + 5200 * i // 29, 3000) for i in range(30)]
    others = [*walk(2, 10, [(5000, 2000)] * 50), *walk(3, 50, [(1000, 2000)] * 10)]
    files = file_bytes([*walk(1, 0, there + there[::-1]), *others], 60, live=live)
    for key, content in zip((result_key, tracks_key), files, strict=True):
        with desk.services.storage.create(key(video.id, job.id)) as sink:
            sink.write(content)
    return job


def ask(desk: InProcessProcessor, job: Job) -> None:
    tracks = tracks_of(desk, job)
    link_alerts(desk.services, desk.job(job.id), tracks)
    alert_of_job(desk.services, desk.job(job.id), tracks)


def tracks_of(desk: InProcessProcessor, job: Job) -> Tracks:
    with desk.services.storage.open(tracks_key(job.video_id, job.id)) as source:
        return TracksFile(source).tracks()


def failures(desk: InProcessProcessor) -> dict[str, str | None]:
    """What is noted of the rules that fail, by their ids."""
    with Session(desk.engine) as session:
        return {row.id: row.failure for row in session.scalars(select(AlertRule)) if row.failed_at is not None}


def add_scene(desk: InProcessProcessor) -> str:
    half = {"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
    gate = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=[half], lines=[gate], revision=1)
    desk.add(scene)
    return scene.id


def test_a_job_that_is_tracked_raises_alerts_once(desk: InProcessProcessor, video: Video) -> None:
    rule = add_rule(desk)
    job = desk.add_job(video)
    track_job(desk.services, job.id)
    found = alerts(desk)
    assert found
    recorded_at = to_ms(desk.services.repository.video(video.id).recorded_at)  # type: ignore[union-attr, arg-type]
    assert {(one.rule_id, one.job_id, one.video_id, one.dated) for one in found} == {(rule.id, job.id, video.id, True)}
    assert [to_ms(one.at) for one in found] == [recorded_at + one.start for one in found]
    with desk.engine.begin() as connection:  # as those that retention removes
        connection.execute(delete(Alert))
    again(desk, job, min_frames=1)
    again(desk, job, lost_seconds=1.0)
    assert alerts(desk) == []


def test_a_processor_that_is_killed_meanwhile_asks_again(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = add_scene(desk)
    add_rule(desk, search={"tag": ["yard"]})
    add_rule(desk, search={"scene_id": scene})
    job = walked(desk, video)
    with monkeypatch.context() as patched:

        def dies(*_: object) -> None:
            raise StorageUnavailable("gone")

        patched.setattr(recorded, "recorded_events", dies)
        with pytest.raises(StorageUnavailable):
            ask(desk, job)
    before = [one.id for one in alerts(desk)]
    assert len(before) == 2, "those of the tracks are there, those of the scene are not"
    ask(desk, job)
    after = [one.id for one in alerts(desk)]
    assert len(after) == 4
    assert set(before) < set(after)
    ask(desk, job)
    assert [one.id for one in alerts(desk)] == after


def test_a_job_that_no_rule_was_asked_about_is_found(desk: InProcessProcessor, video: Video) -> None:
    """As after a processor was killed when the tracks were there and the alerts were not."""
    job = desk.add_job(video)
    again(desk, job)
    assert alert_missing(desk.services) is False
    rule = add_rule(desk)
    desk.change(AlertRule, rule.id, since=job.finished_at)
    assert alert_missing(desk.services) is False
    found = {one.id for one in alerts(desk)}
    assert found
    with desk.engine.begin() as connection:
        connection.execute(delete(Alert))
    assert alert_missing(desk.services) is False
    assert alerts(desk) == [], "it was asked about"


def test_a_job_is_left_for_a_rule_of_a_later_release(desk: InProcessProcessor, video: Video) -> None:
    job = walked(desk, video)
    known = add_rule(desk, since=job.finished_at)
    later = add_rule(desk, search={"tag": ["yard"], "colour": "red"}, since=job.finished_at)
    ask(desk, job)
    ask(desk, job)
    assert {one.rule_id for one in alerts(desk)} == {known.id}
    before = len(alerts(desk))
    desk.change(AlertRule, later.id, search={"tag": ["yard"]})  # as a processor of that release reads it
    ask(desk, job)
    assert len(alerts(desk)) == 2 * before
    desk.change(AlertRule, known.id, since=job.finished_at)
    assert AlertRows(desk.engine).rules_for_job(desk.job(job.id)) == ([], True), "all have seen it"


def test_a_rule_that_cannot_be_asked_keeps_no_other_from_being_told_and_is_asked_again(
    desk: InProcessProcessor, video: Video
) -> None:
    job = walked(desk, video)
    broken = add_rule(desk, schedule={"timezone": "Nowhere/At_All"}, since=job.finished_at)
    whole = add_rule(desk, since=job.finished_at)
    ask(desk, job)
    told = {one.id for one in alerts(desk)}
    assert {one.rule_id for one in alerts(desk)} == {whole.id}
    assert failures(desk) == {broken.id: "schedule"}
    desk.change(AlertRule, broken.id, schedule=None)  # as a machine that knows the zone
    ask(desk, job)
    assert {one.rule_id for one in alerts(desk) if one.id not in told} == {broken.id}
    assert failures(desk) == {}


def test_a_rule_at_whose_scene_a_job_has_too_many_events_fails_until_the_next_job(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded, free = add_rule(desk, search={"scene_id": add_scene(desk), "label": ["dog"]}), add_rule(desk)
    with monkeypatch.context() as patched:
        patched.setattr("analytics.scenes.recorded.MOST_EVENTS", 1)
        ask(desk, walked(desk, video))
    assert {one.rule_id for one in alerts(desk)} == {free.id}
    assert failures(desk) == {crowded.id: "too_many_events"}
    ask(desk, walked(desk, video))
    assert failures(desk) == {}


def test_a_job_that_breaks_a_rule_stops_no_other(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = (desk.add_job(video) for _ in range(2))
    for job in (broken, whole):
        again(desk, job)
    desk.change(AlertRule, add_rule(desk).id, since=broken.finished_at)

    def ask_one(services: Any, job: Any, tracks: Any) -> None:
        if job.id == broken.id:
            raise ValueError
        alert_of_job(services, job, tracks)

    monkeypatch.setattr(missing, "alert_of_job", ask_one)
    alert_missing(desk.services)
    assert {one.job_id for one in alerts(desk)} == {whole.id}


def test_jobs_that_stay_unseen_keep_no_newer_one_waiting(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_rows, "_LOOKED_AT", 1)
    left, broken, whole = (walked(desk, video) for _ in range(3))
    for age, job in enumerate((whole, broken, left)):
        ended = utcnow() - timedelta(hours=1 + age)
        desk.change(Job, job.id, finished_at=ended, tracks=to_json(TracksState(TracksStep.READY)))
    long_ago = utcnow() - timedelta(days=1)
    later = add_rule(desk, search={"tag": ["yard"], "colour": "red"}, since=long_ago, enabled=False)
    add_rule(desk, since=long_ago)
    asked = []

    def ask_one(services: Any, job: Any, tracks: Any) -> None:
        asked.append(job.id)
        desk.change(AlertRule, later.id, enabled=job.id == left.id)  # only that job is left for it
        if job.id == broken.id:
            raise ValueError
        alert_of_job(services, job, tracks)

    monkeypatch.setattr(missing, "alert_of_job", ask_one)
    assert alert_missing(desk.services) is False
    assert asked == [left.id, broken.id, whole.id]
    alert_missing(desk.services)
    assert asked == [left.id, broken.id, whole.id], "those that are left are not asked about each minute"
    desk.services.coordination.release(names.ask_rules(left.id))  # as it expires
    alert_missing(desk.services)
    assert asked[3:] == [left.id]


def test_what_ended_lately_is_looked_at_in_each_turn_and_what_ended_before_in_parts(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_rows, "_LOOKED_AT", 1)
    monkeypatch.setattr(missing, "_PARTS", 1)
    jobs = [desk.add_job(video) for _ in range(4)]
    for hours, job in enumerate(jobs):
        ended = utcnow() - timedelta(minutes=1, hours=hours // 2 * hours)  # two lately, two before
        desk.change(Job, job.id, finished_at=ended, tracks=to_json(TracksState(TracksStep.READY)))
    add_rule(desk, since=utcnow() - timedelta(days=1))
    asked = []
    monkeypatch.setattr(missing, "_ask", lambda _services, _rows, job: asked.append(job.id))
    assert alert_missing(desk.services)
    assert asked == [jobs[0].id, jobs[1].id, jobs[3].id]
    assert alert_missing(desk.services)
    assert asked[3:] == [jobs[2].id]
    assert not alert_missing(desk.services)
    assert asked[4:] == []


def test_a_job_whose_tracks_are_gone_stops_no_other(desk: InProcessProcessor, video: Video) -> None:
    gone, whole = (desk.add_job(video) for _ in range(2))
    for job in (gone, whole):
        again(desk, job)
    desk.services.storage.delete(tracks_key(video.id, gone.id))
    desk.change(AlertRule, add_rule(desk).id, since=gone.finished_at)
    alert_missing(desk.services)
    assert {one.job_id for one in alerts(desk)} == {whole.id}
    assert AlertRows(desk.engine).unasked((utcnow() - timedelta(days=1), "")) == ([], None)


def recorded_stream(desk: InProcessProcessor, video: Video) -> tuple[Stream, datetime]:
    """A stream that the video is a recording of, and when that begins."""
    stream = Stream(id=new_id(), user_id=desk.user, name="door", kind="push", model="m", options={})
    desk.add(stream)
    begin = utcnow() - timedelta(minutes=5)
    desk.change(Video, video.id, recorded_at=begin, source=stream_source(stream.id))
    desk.add(
        Recording(
            id=new_id(),
            stream_id=stream.id,
            user_id=desk.user,
            video_id=video.id,
            state="filed",
            start=0,
            started_at=begin,
            instance="x",
        )
    )
    return stream, begin


def told_live(desk: InProcessProcessor, video: Video) -> tuple[Job, datetime]:
    """A recording's job, and when the recording begins; its stream has raised an alert 400 ms later, of a rule that is
    off meanwhile."""
    stream, begin = recorded_stream(desk, video)
    rule = add_rule(desk, search={"stream_id": [stream.id]})
    job, at = walked(desk, video, live=True), to_ms(begin)
    told: dict[str, Any] = {"label": "cat", "score": 9000, "stream_id": stream.id, "source": stream_source(stream.id)}
    offer(desk.services, desk.user, [Sighting(track=2, begin=at + 400, end=at + 1000, start=7_000_400, **told)])
    desk.change(AlertRule, rule.id, enabled=False)
    return job, begin


def test_what_was_told_live_shows_the_recording_though_its_rule_is_off_and_it_cannot_be_searched(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StorageUnavailable("gone")

    job, _ = told_live(desk, video)
    monkeypatch.setattr(live_tracks, "index_tracks", fails)
    live_tracks.make_found(desk.services, desk.job(job.id), tracks_of(desk, job))
    (shown,) = alerts(desk)
    assert (shown.video_id, shown.job_id, shown.start) == (video.id, job.id, 400)


def test_what_was_told_live_shows_the_recording_also_where_a_processor_was_killed_before(
    desk: InProcessProcessor, video: Video
) -> None:
    job, begin = told_live(desk, video)
    desk.change(Job, job.id, tracks=to_json(TracksState(TracksStep.READY)))
    with Session(desk.engine) as session:
        recording = session.scalars(select(Recording.id)).one()
    desk.change(Recording, recording, job_id=job.id, ended_at=begin + timedelta(seconds=0.3))
    rows = AlertRows(desk.engine)
    assert rows.unasked((begin, "")) == ([], None), "its alert is of a later recording"
    desk.change(Recording, recording, ended_at=begin + timedelta(seconds=5))
    assert [one.id for one in rows.unasked((begin, ""))[0]] == [job.id]
    alert_missing(desk.services)
    (shown,) = alerts(desk)
    assert (shown.video_id, shown.job_id, shown.start) == (video.id, job.id, 400)
    assert rows.unasked((begin, "")) == ([], None)


def test_a_recording_raises_what_its_stream_did_not_and_shows_what_it_did(
    desk: InProcessProcessor, video: Video
) -> None:
    """Its tracks are those of the stream; who stands there when it begins did not appear then, nor begin to dwell."""
    stream, begin = recorded_stream(desk, video)
    people = add_rule(desk, search={"stream_id": [stream.id]})
    scene = add_scene(desk)
    events = add_rule(desk, search={"scene_id": scene, "zone": "half"})
    left = add_rule(desk, search={"scene_id": scene, "event": "leaves"})
    stays = add_rule(desk, search={"scene_id": scene, "event": "dwells", "min_ms": 1500})
    job = walked(desk, video, live=True)
    at = to_ms(begin)
    usual: dict[str, Any] = {"label": "cat", "score": 9000, "stream_id": stream.id, "source": stream_source(stream.id)}
    live = Sighting(track=2, begin=at + 400, end=at + 1000, start=7_000_400, **usual)
    (told,) = offer(desk.services, desk.user, [live])
    leaves = replace(live, track=1, begin=at + 4000, end=at + 4000, scene_id=scene, zone="half", event=EventType.LEAVES)
    assert len(offer(desk.services, desk.user, [leaves])) == 1, "whose time was not known better"
    dwells: dict[str, Any] = {"scene_id": scene, "zone": "half", "event": EventType.DWELLS, "dwell_ms": 1500}
    earlier = replace(live, begin=at - 900_000, end=at - 900_000, start=6_100_000, **dwells)
    assert len(offer(desk.services, desk.user, [earlier])) == 1, "in the recording before"
    ask(desk, job)
    found = [(one.rule_id, one.event, one.track, one.start) for one in alerts(desk)]
    assert found == [
        (stays.id, "dwells", 2, 6_100_000),
        (people.id, None, 2, 400),
        (events.id, "enters", 1, 600),
        (people.id, None, 3, 2000),
        (left.id, "leaves", 1, 7_000_400),
    ]
    (shown,) = (one for one in alerts(desk) if one.id == told.id)
    assert (shown.video_id, shown.job_id, shown.stream_id) == (video.id, job.id, stream.id)


def test_a_picture_of_a_stream_is_taken_when_an_alert_is_raised(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(id=new_id(), user_id=desk.user, name="door", kind="push", model="m", options={})
    desk.add(stream)
    packets = LiveStream(desk.services.live, stream.id, JPEG)
    add_rule(desk, search={"label": ["cat"]})
    usual: dict[str, Any] = {"label": "cat", "score": 9000, "stream_id": stream.id}

    def taken() -> list[str]:
        return [name for name in desk.files() if name.startswith("alerts/")]

    found = []
    for second in (0, 2, 4):
        if second:
            packets.packet(size=100 if second == 2 else 2 * 1024 * 1024)
        at = to_ms(utcnow()) + 1000 * second
        found += offer(desk.services, desk.user, [Sighting(track=9 + second, begin=at, end=at, start=0, **usual)])
    assert len(found) == 3
    key = alert_picture_key(found[1].id)
    assert taken() == [key], "there was no picture before, and the last one is too large"
    assert (desk.storage / key).read_bytes().startswith(b"1 xxx")

    def orphaned() -> list[str]:
        stores = DataStores(desk.inventory, desk.services.storage, None, None)
        return [orphan.name for orphan in orphans(stores, 0) if orphan.name.startswith("alerts/")]

    assert orphaned() == []
    monkeypatch.setattr(retention, "MOST_PICTURES", 0)
    expire_alerts(desk.services)
    assert taken() == []
    assert [one.picture for one in alerts(desk)] == [False] * 3
    with desk.services.storage.create(key) as sink:
        sink.write(b"late")
    assert orphaned() == [key]
    desk.services.storage.delete(key)


def test_old_alerts_and_those_beyond_the_newest_are_removed(
    desk: InProcessProcessor, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = add_rule(desk)
    now = utcnow()
    for days in (0, 1, 2, 89, 91):
        raised = Alert(rule_id=rule.id, user_id=desk.user, key=str(days), at=now - timedelta(days=days))
        raised.dated, raised.label, raised.score, raised.track, raised.start = True, "cat", 9000, 1, 0
        desk.add(raised)
    assert expire_alerts(desk.services) is False
    assert [one.key for one in alerts(desk)] == ["89", "2", "1", "0"]
    monkeypatch.setattr(retention, "MOST_ALERTS", 2)
    expire_alerts(desk.services)
    assert [one.key for one in alerts(desk)] == ["1", "0"]


def test_events_at_a_scene_raise_alerts_at_their_times(desk: InProcessProcessor, video: Video) -> None:
    scene = {"scene_id": add_scene(desk)}
    wanted = {
        "in": {**scene, "zone": "half"},
        "out": {**scene, "event": "leaves"},
        "back": {**scene, "line": "gate", "direction": "backward"},
        "stays": {**scene, "event": "dwells", "min_ms": 1500},
        "longer": {**scene, "event": "dwells", "min_ms": 1900},
        "dog": {**scene, "label": ["dog"]},
    }
    names = {add_rule(desk, search=search).id: name for name, search in wanted.items()}
    ask(desk, walked(desk, video))
    found = [(names[one.rule_id], one.event, one.zone, one.line, one.direction, one.track) for one in alerts(desk)]
    assert sorted(found, key=lambda one: one[0]) == [
        ("back", "crosses", None, "gate", "backward", 1),
        ("in", "appears", "half", None, None, 2),  # the other one enters within the second after it
        ("longer", "dwells", "half", None, None, 2),
        ("out", "leaves", "half", None, None, 1),
        ("stays", "dwells", "half", None, None, 2),
    ]


@pytest.mark.parametrize(
    ("values", "job_days", "rule"),
    [
        ({"recorded_at": utcnow() - timedelta(days=8)}, 0.0, {}),  # long over
        ({"recorded_at": None}, 0.0, {"schedule": {"days": [0, 1, 2, 3, 4, 5, 6]}}),  # at no known time of day
        ({}, 0.0, {"search": {"tag": ["other"]}}),
        ({}, 1.0, {}),  # a job of before
    ],
)
def test_what_concerns_no_rule_raises_nothing(
    desk: InProcessProcessor, video: Video, values: dict[str, Any], job_days: float, rule: dict[str, Any]
) -> None:
    desk.change(Video, video.id, **{"tags": ["yard"]} | values)
    add_rule(desk, **rule)
    again(desk, desk.add_job(video, days_old=job_days))
    assert alerts(desk) == []


def test_a_video_of_unknown_time_counts_as_recorded_when_it_was_uploaded(
    desk: InProcessProcessor, video: Video
) -> None:
    desk.change(Video, video.id, recorded_at=None)
    add_rule(desk)
    again(desk, desk.add_job(video))
    (first, *_) = alerts(desk)
    assert (first.dated, to_ms(first.at)) == (False, to_ms(video.created_at) + first.start)
