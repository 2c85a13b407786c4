"""Server-Sent Events: what becomes of jobs, told as it happens."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Job, Rendition, utcnow
from tests.support.alerting import add_alert
from tests.support.deployments.service import SPEC, Client, Service
from tests.support.waiting import until

JOB = OAS30Validator({"$ref": "#/components/schemas/Job", "components": SPEC["components"]})


class Stream:
    """The events of an open answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.first: dict[str, str] = {}
        self.last_id = ""
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Name and data of the events that come."""
        fields: dict[str, str] = {}
        deadline = time.monotonic() + 60
        for line in self._lines:
            assert time.monotonic() < deadline, "only pings come"
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
                continue
            self.first = self.first or dict(fields)
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                yield fields["event"], json.loads(fields["data"])
            fields = {}

    def until(self, condition: Callable[[str, Any], bool]) -> list[tuple[str, Any]]:
        """The events up to the first for which it holds."""
        seen: list[tuple[str, Any]] = []
        for event in self:
            seen.append(event)
            if condition(*event):
                return seen
        raise AssertionError(f"the stream ended after {seen}")


@contextmanager
def stream(client: Client, path: str = "/events", **headers: str) -> Iterator[Stream]:
    with client.http.stream("GET", f"/api/v1{path}", headers=headers, timeout=30) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Stream(answer)


@contextmanager
def tables(service: Service) -> Iterator[Session]:
    """What only the processor writes, written by the test."""
    engine = open_database(service.settings().database_url)
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()


def add_job(service: Service, like: dict[str, Any], **values: Any) -> str:
    """A job on the same video, ended now, on which nobody works."""
    job_id = str(uuid.uuid4())
    with tables(service) as session:
        owner = session.get_one(Job, like["id"]).user_id
        row = {"id": job_id, "user_id": owner, "video_id": like["video_id"], "model": "m", "options": {}}
        row |= {"state": "failed", "finished_at": utcnow(), **values}
        session.add(Job(failed_ranges=[], changed_at=row["finished_at"], **row))
    return job_id


@pytest.fixture
def done(client: Client, sample: Path) -> Any:
    job = client.detect(sample, options={"every_n": 50})
    # Its poster is an event of its own.
    until(lambda: client.call("GET", f"/videos/{job['video_id']}", 200)["links"]["poster"])
    return client.job(job)


@pytest.mark.every_mode
def test_stream_reports_a_job_from_start_to_end(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    with stream(client) as events:
        job = client.start(video)
        seen = events.until(lambda name, data: name == "job" and data["finished_at"] is not None)
    told = [data for name, data in seen if name == "job"]
    assert events.first["retry"] == "2000"
    assert events.last_id.isdigit()
    for data in told:
        JOB.validate(data)
    assert {data["id"] for data in told} == {job["id"]}
    assert told[-1] == client.job(job)
    assert told[-1]["state"] == "succeeded"
    done = [data["progress"]["frames_done"] for data in told]
    assert done == sorted(done)


def test_unchanged_job_is_reported_once(service: Service, client: Client, done: Any) -> None:
    still = add_job(service, done)
    with stream(client, f"/jobs/{still}/events") as events:
        first = events.until(lambda name, data: name == "job")
        assert [data["id"] for name, data in first if name == "job"] == [still]
        other = add_job(service, done)
        with stream(client) as all_events:
            all_events.until(lambda name, data: data["id"] == other)
            later = add_job(service, done)  # of which a later look tells
            all_events.until(lambda name, data: data["id"] == later)
        with tables(service) as session:
            session.execute(update(Job).where(Job.id == still).values(state="partial"))
        told = events.until(lambda name, data: name == "job")
        assert [data["state"] for name, data in told if name == "job"] == ["partial"]


def test_deleted_jobs_send_the_event_gone(client: Client, done: Any, sample: Path) -> None:
    second = client.detect(sample, options={"every_n": 50})
    with stream(client) as events:
        client.call("DELETE", f"/jobs/{done['id']}", 204)
        assert events.until(lambda name, data: name == "gone")[-1][1] == {"id": done["id"]}
        client.call("DELETE", f"/videos/{second['video_id']}", 204)
        assert events.until(lambda name, data: name == "gone")[-1][1] == {"id": second["id"]}


@pytest.mark.every_mode
def test_reconnecting_client_receives_missed_changes(service: Service, client: Client, done: Any) -> None:
    now = utcnow()
    ended = {ago: add_job(service, done, finished_at=now - timedelta(hours=ago)) for ago in (1, 3)}
    last = add_job(service, done)

    def heard(**headers: str) -> set[str]:
        with stream(client, **headers) as events:
            seen = events.until(lambda name, data: data["id"] == last)
        return {data["id"] for _, data in seen} & {last, *ended.values()}

    assert heard() == {last}
    since = str(int((now - timedelta(hours=2)).timestamp() * 1000))
    assert heard(**{"Last-Event-ID": since}) == {last, ended[1]}
    for nonsense in ("x", "1e3", "9" * 15, "9" * 60, "-5"):
        assert heard(**{"Last-Event-ID": nonsense}) == {last}
    with stream(client) as events:
        events.until(lambda name, data: True)
    assert int(events.last_id) >= int(now.timestamp() * 1000)


def test_stream_of_a_job_has_only_events_of_the_job_and_its_video(service: Service, client: Client, done: Any) -> None:
    other = add_job(service, done)
    common = {"user_id": client.call("GET", "/auth/me", 200)["id"], "video_id": done["video_id"], "options": {}}
    ids = [str(uuid.uuid4()) for _ in range(3)]
    with stream(client, f"/jobs/{done['id']}/events") as events:
        assert events.until(lambda name, data: name == "job")[-1][1] == client.job(done)
        with tables(service) as session:
            running = {"state": "running", "frames_total": 8, "frames_done": 2, **common}
            session.add(Rendition(id=ids[0], kind="annotated", job_id=other, **running))
            session.add(Rendition(id=ids[1], kind="annotated", job_id=done["id"], **running))
            session.add(Rendition(id=ids[2], kind="playable", **running))
        heard = []
        for _ in range(2):
            heard += events.until(lambda name, data: name == "rendition" and data["id"] in ids)
        told = {data["id"]: data for _, data in heard if data["id"] in ids}
        assert set(told) == set(ids[1:])
        assert told[ids[1]]["progress"] == {"frames_done": 2, "frames_total": 8, "fraction": 0.25}
        with tables(service) as session:
            session.execute(update(Rendition).where(Rendition.id == ids[1]).values(state="ready", finished_at=utcnow()))
        ready = events.until(lambda name, data: data["id"] == ids[1])[-1][1]
        assert ready["state"] == "ready"
        client.call("DELETE", f"/jobs/{done['id']}", 204)
        assert [name for name, _ in events][-1] == "gone", "the stream of a deleted job ends"


def test_alerts_are_told_when_they_are_raised_to_their_user_alone(service: Service, client: Client, done: Any) -> None:
    rule = client.call("POST", "/alert-rules", 201, json={"name": "people", "search": {"label": ["person"]}})
    stranger = service.client()
    others = stranger.call("POST", "/alert-rules", 201, json={"name": "people", "search": {"label": ["person"]}})
    with stream(client) as events:
        add_alert(service, others["id"])
        raised = add_alert(service, rule["id"])
        *_, (name, told) = events.until(lambda name, data: name == "alert")
    assert (name, told["id"]) == ("alert", raised)
    assert told == client.call("GET", f"/alerts/{raised}", 200)


def test_stream_has_no_events_of_other_users(service: Service, client: Client, done: Any, sample: Path) -> None:
    stranger = service.client()
    stranger.problem("GET", f"/jobs/{done['id']}/events", 404, "not_found")
    own = stranger.start(stranger.upload(sample), options={"every_n": 50})
    with stream(stranger) as events:
        add_job(service, done)
        seen = events.until(lambda name, data: name == "job" and data["finished_at"] is not None)
    assert {data["id"] for name, data in seen if name == "job"} == {own["id"]}


def test_streams_are_limited_to_ten_per_user_and_process(client: Client, service: Service) -> None:
    with ExitStack() as stack:
        answers = [stack.enter_context(client.http.stream("GET", "/api/v1/events"))]
        while answers[-1].status_code == 200 and len(answers) <= 10 * service.settings().api_workers:
            answers.append(stack.enter_context(client.http.stream("GET", "/api/v1/events")))
        *_, answer = answers
        assert answer.status_code == 429
        assert len(answers) > 10, "each of the others is in one of the processes"
        answer.read()
        assert answer.json()["code"] == "too_many_streams"
        assert "close one" in answer.text
        with stream(service.client()):
            pass

    def is_there_room() -> bool:
        with client.http.stream("GET", "/api/v1/events") as answer:
            return answer.status_code == 200

    until(is_there_room)  # the server hears of the hang-ups one by one


def test_stream_ends_with_its_session(service: Service, client: Client, sample: Path) -> None:
    other = Client(service.url)
    other.use(other.call("POST", "/auth/login", 200, json={"username": client.username, "password": client.password}))
    with stream(client) as ends, stream(other) as goes_on:
        client.call("POST", "/auth/logout", 204)
        assert list(ends) == []
        other.start(other.upload(sample), options={"every_n": 50})
        goes_on.until(lambda name, data: name == "job" and data["finished_at"] is not None)


def test_cookie_authorizes_the_stream(service: Service, client: Client) -> None:
    browser = Client(service.url)
    body = {"username": client.username, "password": client.password, "cookies": True}
    browser.call("POST", "/auth/login", 200, json=body)
    with stream(browser):
        pass
