"""What is asked often reads little, however many rows there are: each statement goes along an index made for it."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from api.access import quotas
from api.tables import search
from api.tables.alerts import AlertTable, Wanted
from api.tables.jobs import JobFilter, JobTable
from api.tables.overview import Overview
from api.tables.recordings import RecordingTable
from api.tables.renditions import RenditionTable
from api.tables.streams import StreamTable
from api.tables.users import UserTable
from api.tables.videos import VideoTable
from api.tables.webhooks import WebhookTable
from contracts.database.analytics_tables import IndexedJob
from contracts.database.stored_bytes import stored_bytes
from contracts.database.tables import (
    Alert,
    AlertRule,
    AuditEvent,
    Base,
    Delivery,
    Job,
    Recording,
    Rendition,
    Stream,
    User,
    Video,
    Webhook,
    new_id,
    utcnow,
)
from processor.alerts.rows import AlertRows
from processor.housekeeping.inventory import Inventory, kept_videos
from processor.recordings.rows import RecordingRows
from processor.repository import Repository
from processor.search.rows import SearchRows
from processor.tracking.rows import TrackRows

# Of those there may be a million.
LARGE = (
    "alerted_jobs|alerts|audit_events|deliveries|indexed_jobs|jobs|recorded_bytes|recordings|renditions|unindexed_jobs"
    "|videos"
)
# Indexes with a condition, which few rows fulfil; and the first column of all indexes.
PARTIAL = {
    index.name
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
FIRST: dict[str, str] = {
    **{str(index.name): index.columns[0].name for table in Base.metadata.tables.values() for index in table.indexes},
    **{f"{name}_pkey": next(iter(table.primary_key)).name for name, table in Base.metadata.tables.items()},
}
NOW = utcnow()
AFTER = f"{(NOW - timedelta(days=9)).isoformat()}_zzz"
MANY = [new_id() for _ in range(1000)]
Asked = Callable[[Engine, dict[str, str]], object]


def of_state(*states: str) -> JobFilter:
    return JobFilter(states=states)


# What is asked, and the indexes of large tables that SQLite, which knows nothing of the rows, uses for it. A number is
# that of the primary key.
ASKED: dict[str, tuple[Asked, set[str]]] = {
    "videos": (lambda e, the: VideoTable(e).page(the["user"], 9, AFTER), {"ix_videos_user_created"}),
    "videos without a job": (
        lambda e, the: VideoTable(e).page(the["user"], 9, AFTER, without_job=True),
        {"ix_videos_user_created", "ix_jobs_video_id"},
    ),
    "jobs": (lambda e, the: JobTable(e).page(the["user"], 9, AFTER, JobFilter()), {"ix_jobs_user_created"}),
    "jobs of states": (
        lambda e, the: JobTable(e).page(the["user"], 9, AFTER, of_state("failed", "cancelled")),
        {"ix_jobs_user_state"},
    ),
    "jobs of a video": (
        lambda e, the: JobTable(e).page(the["user"], 9, AFTER, JobFilter(the["video"], "a", ("failed",))),
        {"ix_jobs_video_id", "videos"},
    ),
    "jobs by name": (
        lambda e, the: JobTable(e).page(the["user"], 9, AFTER, JobFilter(search="a", states=("failed",))),
        {"ix_jobs_user_created", "videos"},
    ),
    "videos of jobs": (
        lambda e, the: JobTable(e).with_videos([Job(video_id=the["video"])]),
        {"videos", "renditions"},
    ),
    # As many as a page or a part has: of one alone, nothing else is ever good.
    "posters of videos": (lambda e, the: RenditionTable(e).ready_posters(MANY), {"renditions"}),
    "posters of jobs": (
        lambda e, the: JobTable(e).with_videos([Job(video_id=video) for video in MANY]),
        {"videos", "renditions"},
    ),
    "jobs of hits": (
        lambda e, the: within(e, lambda session: search._runs(session, the["user"], range(len(MANY) + 1))),
        {"indexed_jobs", "jobs", "ix_jobs_video_id", "ix_indexed_jobs_job_id", "videos"},
    ),
    "videos that jobs keep": (
        lambda e, the: within(e, lambda session: kept_videos(session, MANY, NOW)),
        {"ix_jobs_video_id"},
    ),
    "a job": (lambda e, the: JobTable(e).get_with_video(the["user"], the["job"]), {"jobs", "videos", "renditions"}),
    "renditions that change": (
        lambda e, the: RenditionTable(e).changed([the["user"]], NOW, ["queued"]),
        {"renditions", "ix_renditions_state", "ix_renditions_changed_at"},
    ),
    "reels": (lambda e, the: RenditionTable(e).reels(the["user"], 9, AFTER), {"ix_renditions_user_kind"}),
    "streams": (lambda e, the: StreamTable(e).page(the["user"], 9, AFTER), set()),
    "recordings": (
        lambda e, the: RecordingTable(e).page(the["user"], the["stream"], 9, AFTER),
        {"ix_recordings_stream_started"},
    ),
    "alerts": (lambda e, the: AlertTable(e).alerts(the["user"], Wanted(), 9, AFTER), {"ix_alerts_user_at"}),
    "deliveries": (
        lambda e, the: WebhookTable(e).deliveries(the["user"], the["webhook"], 9, AFTER),
        {"ix_deliveries_webhook_created"},
    ),
    "due deliveries": (lambda e, the: WebhookTable(e).due(NOW), {"deliveries", "ix_deliveries_waiting"}),
    "audit log": (lambda e, the: UserTable(e).events(9, AFTER), {"ix_audit_events_at"}),
    "audit log of a user": (lambda e, the: UserTable(e).events(9, AFTER, the["user"]), {"ix_audit_events_user_at"}),
    "audit log of actions": (
        lambda e, the: UserTable(e).events(9, AFTER, None, "login"),
        {"ix_audit_events_action_at"},
    ),
    "audit log of a user's actions": (
        lambda e, the: UserTable(e).events(9, AFTER, the["user"], "login"),
        {"ix_audit_events_action_at", "ix_audit_events_user_action"},
    ),
    "stored bytes": (
        lambda e, the: asked_of_quotas(e, the["user"]),
        {
            "ix_renditions_user_kind",
            "ix_recordings_video_id",
            "ix_recordings_state",
            "ix_videos_refused",
            "ix_jobs_user_state",
        },
    ),
    "all stored bytes": (lambda e, the: Overview(e).stored_bytes(), {"ix_videos_refused"}),
    "the backlog": (lambda e, the: (Overview(e).unplanned(), Overview(e).planned()), {"ix_jobs_state", "videos"}),
    "jobs to advance": (
        lambda e, the: Repository(e).jobs_to_advance(2, NOW),
        {"ix_jobs_state", "ix_jobs_cancelled", "ix_jobs_waiting", "jobs"},
    ),
    "next jobs": (lambda e, the: Repository(e).next_jobs(the["user"], 2), {"ix_jobs_state", "ix_jobs_user_state"}),
    "jobs at work": (lambda e, the: Repository(e).count_worked_on(the["user"]), {"ix_jobs_state"}),
    "unprobed": (lambda e, the: Repository(e).unprobed_videos(NOW, 2), {"ix_videos_unprobed"}),
    "unprobed of a user": (lambda e, the: Repository(e).unprobed_of(the["user"], 2), {"ix_videos_unprobed"}),
    "renditions that wait": (
        lambda e, the: Repository(e).unfinished_renditions(NOW, 2),
        {"ix_renditions_state", "renditions"},
    ),
    "posters that wait": (lambda e, the: Repository(e).waiting_posters(the["user"], 2), {"ix_renditions_user_kind"}),
    "recordings to be filed": (lambda e, the: RecordingRows(e).unfiled(), {"ix_recordings_state"}),
    "old recordings": (
        lambda e, the: RecordingRows(e).beyond(the["stream"], NOW, 10),
        {"ix_recordings_stream_started", "recordings", "ix_recorded_bytes_stream_id"},
    ),
    "streams that are recorded": (
        lambda e, the: RecordingRows(e).recorded_streams(),
        {"ix_recordings_stream_started"},
    ),
    "tracks that wait": (lambda e, the: TrackRows(e).queued(9), {"ix_jobs_tracks_queued"}),
    "tracks of before": (lambda e, the: TrackRows(e).queue_older(9), {"ix_jobs_tracks_queued", "ix_jobs_untracked"}),
    "tracks to be indexed": (
        lambda e, the: SearchRows(e).with_tracks("", indexed=False),
        {"jobs", "ix_indexed_jobs_job_id", "videos"},
    ),
    "tracks that are noted as not indexed": (
        lambda e, the: SearchRows(e).unindexed(""),
        {"jobs", "ix_indexed_jobs_job_id", "videos", "ix_unindexed_jobs_job_id"},
    ),
    "jobs that no rule has seen": (
        lambda e, the: AlertRows(e).unasked((NOW - timedelta(days=7), ""), (NOW, "")),
        {"ix_jobs_finished_at", "alerted_jobs", "ix_recordings_job_id", "ix_alerts_user_at", "jobs"},
    ),
    "old alerts": (lambda e, the: AlertRows(e).expired(NOW, 9, 9), {"ix_alerts_user_at"}),
    "pictures of alerts": (lambda e, the: AlertRows(e).pictured(9, 9), {"ix_alerts_user_at", "ix_alerts_user_picture"}),
    "old jobs": (lambda e, the: Inventory(e).old_jobs(NOW, 9), {"ix_jobs_finished_at"}),
    "old videos": (
        lambda e, the: list(Inventory(e).old_videos(NOW)),
        {"ix_videos_created", "ix_jobs_video_id", "videos"},
    ),
}


def within(engine: Engine, ask: Callable[[Session], object]) -> None:
    with Session(engine) as session:
        ask(session)


def asked_of_quotas(engine: Engine, user: str) -> None:
    with Session(engine) as session:
        stored_bytes(session, user)
        quotas._active(session, user)
        quotas._others(session, user, "clip", "-")


@pytest.fixture(scope="module")
def the(each_database: Engine) -> dict[str, str]:
    """A user with one of each thing that is asked about."""
    ids = {name: new_id() for name in ("user", "video", "job", "stream", "webhook", "rule")}
    mine = {"user_id": ids["user"]}
    with Session(each_database) as session, session.begin():
        session.add(User(id=ids["user"], username=ids["user"], password_hash="-"))
        session.flush()
        facts: dict[str, Any] = {"content_type": "video/mp4", "tags": [], "size_bytes": 1, "sha256": "0"}
        session.add(Video(id=ids["video"], name="a", **mine, **facts))
        session.add(Webhook(id=ids["webhook"], url="-", secret="-", **mine))
        session.add(Stream(id=ids["stream"], name="-", kind="whip", model="m", options={}, **mine))
        session.add(AuditEvent(action="login.failed", **mine))
        session.flush()
        job: dict[str, Any] = {"model": "m", "options": {}, "state": "queued", "failed_ranges": []}
        session.add(Job(id=ids["job"], video_id=ids["video"], **mine, **job))
        rule: dict[str, Any] = {"name": "-", "enabled": True, "search": {}, "at_most_one_in_s": 1}
        session.add(AlertRule(id=ids["rule"], **mine, **rule))
        session.flush()
        alert: dict[str, Any] = {"key": "-", "at": NOW, "dated": True, "label": "-", "score": 1, "track": 1, "start": 1}
        session.add(Alert(rule_id=ids["rule"], **mine, **alert))
        of_job = {"job_id": ids["job"]}
        session.add(IndexedJob(tracks=0, ready=True, **of_job, **mine))
        session.add(Delivery(webhook_id=ids["webhook"], event="-", state="-", next_at=NOW, **of_job))
        session.add(Rendition(id=new_id(), video_id=ids["video"], kind="-", options={}, state="-", **mine))
        session.add(Recording(id=new_id(), source_id="-", state="-", start=1, started_at=NOW, instance="-", **mine))
    return ids


@pytest.fixture
def statements(each_database: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is read."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        found.append((statement, parameters))

    event.listen(each_database, "before_cursor_execute", note)
    yield found
    event.remove(each_database, "before_cursor_execute", note)


def test_no_large_table_is_read_through(
    each_database: Engine, the: dict[str, str], statements: list[tuple[str, Any]]
) -> None:
    used: dict[str, set[str]] = {}
    for name, (ask, _) in ASKED.items():
        statements.clear()
        ask(each_database, the)
        asked = [pair for pair in statements if pair[0].startswith(("SELECT", "WITH"))]
        assert asked
        used[name] = found_in_plans(each_database, asked)
    sqlite = each_database.dialect.name == "sqlite"
    assert used == {name: indexes if sqlite else set() for name, (_, indexes) in ASKED.items()}


def test_events_that_a_user_has_none_of_are_not_looked_for_among_all(
    each_database: Engine, statements: list[tuple[str, Any]]
) -> None:
    """PostgreSQL takes the columns for independent: half of all events by chance, if they are compared."""
    actions, users = ("login", "login.failed", "login.failed.twice"), [new_id(), new_id()]
    made = [
        AuditEvent(at=NOW - timedelta(minutes=number // 3), action=actions[number % 3], user_id=users[number % 3 > 0])
        for number in range(3000)
    ]
    with Session(each_database, expire_on_commit=False) as session, session.begin():
        session.add_all(made)
        session.flush()
        if each_database.dialect.name == "postgresql":
            session.execute(text("ANALYZE audit_events"))
    table = UserTable(each_database)
    for user, action, count in ((0, "login", 1000), (0, "login.failed", 0), (1, "login.failed", 2000)):
        statements.clear()
        rows, cursor = table.events(1500, None, users[user], action)
        if cursor:
            rows += table.events(1500, cursor, users[user], action)[0]
        wanted = [row for row in made if row.user_id == users[user] and f"{row.action}.".startswith(f"{action}.")]
        wanted.sort(key=lambda row: (row.at, row.id), reverse=True)
        assert [row.id for row in rows] == [row.id for row in wanted]
        assert len(rows) == count
        for sql, values in [pair for pair in statements if "ORDER BY" in pair[0]]:
            plan = explained(each_database, sql, values)
            assert "ix_audit_events_user_action" in plan
            assert not re.search(r"Filter: .*action|Sort|SCAN|TEMP B-TREE", plan), plan


def explained(engine: Engine, sql: str, values: Any) -> str:
    how = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{how} {sql}", values))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT options FROM jobs",
        "SELECT created_at FROM jobs ORDER BY user_id, created_at, id LIMIT 9",
        "SELECT count(*) FROM videos WHERE user_id || id = '-'",
    ],
)
def test_what_reads_a_table_or_an_index_through_is_found(
    each_database: Engine, the: dict[str, str], statement: str
) -> None:
    [found] = found_in_plans(each_database, [(statement, ())])
    assert "SCAN" in found.upper()


def found_in_plans(engine: Engine, asked: list[tuple[str, Any]]) -> set[str]:
    return (in_sqlite if engine.dialect.name == "sqlite" else through_in_postgresql)(engine, asked)


def in_sqlite(engine: Engine, asked: list[tuple[str, Any]]) -> set[str]:
    """The indexes of large tables that are used: the table itself for its primary key. With `SCAN` where a table or an
    index that has all its rows is read through."""
    with engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all() for sql, values in asked]
    found = set()
    for *_, step in (row for plan in plans for row in plan):
        if table := re.match(rf"(SEARCH|SCAN) ({LARGE})(_\d+)?\b", step):
            index = re.search(r"INDEX (\w+)", step)
            used = index[1] if index else table[2]
            used = table[2] if used.startswith("sqlite_autoindex_") else used
            found.add(f"SCAN {used}" if table[1] == "SCAN" and used not in PARTIAL else used)
    return found


def through_in_postgresql(engine: Engine, asked: list[tuple[str, Any]]) -> set[str]:
    """The steps that read a large table, or an index that has all its rows, through, if each had a million rows: those
    without a condition on the first column of the index."""
    names = ", ".join(f"'{name}'" for name in LARGE.split("|"))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relname IN ({names})")
        # Of what makes these dear nothing is there: neither the pages, nor figures of how few rows a time selects.
        for kind in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            connection.exec_driver_sql(f"SET LOCAL enable_{kind} = off")
        explained = [
            connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).scalar_one() for sql, values in asked
        ]
        connection.rollback()
    steps = [step for [plan] in explained for step in steps_of(plan["Plan"])]
    large = [step for step in steps if step.get("Relation Name") in LARGE.split("|")]
    return {f"{step['Node Type']} {step.get('Index Name')}" for step in large if is_through(step)}


def steps_of(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", []):
        yield from steps_of(below)


def is_through(step: dict[str, Any]) -> bool:
    index = step.get("Index Name")
    if index in PARTIAL:
        return False
    return index is None or not re.search(rf"\b{FIRST[index]}\b", step.get("Index Cond", ""))
