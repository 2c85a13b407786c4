"""The deliverer by itself: real tables, servers and sockets, with a resolver and pauses of the test's own."""

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Executable, delete, select, text
from sqlalchemy.orm import Session

from api.notify.webhook_call import Sender, WebhookPayload
from api.notify.webhook_deliverer import PAUSES, Deliverer
from api.outbound.guarded_network import GuardedNetwork, Resolve
from api.outbound.name_lookup import Lookups
from api.tables.webhooks import WEBHOOKS_PER_USER, WebhookTable
from contracts.database.engine import open_database
from contracts.database.tables import Base, Delivery, Job, User, Video, Webhook, new_id, utcnow
from contracts.errors import TooManyWebhooks, WebhookBusy, WebhookRefused
from contracts.runtime.steps import Kind
from contracts.wire.job_states import JobState
from processor.repository import Repository
from tests.support.servers.byte_server import certificate
from tests.support.servers.debian import require
from tests.support.servers.webhook_receiver import Receiver
from tests.support.traces.recorded_steps import kept

NAME = "hooks.example"
SECRET = "whsec_dGVzdA=="
# Stands for the public internet; the rest of loopback is as closed as ever.
PUBLIC = (ip_network("127.0.0.2/31"),)
LOOKUPS = Lookups()
# Trusts nobody; the system's authorities take long to load.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    on_sqlite = getattr(request, "param", "sqlite") == "sqlite"
    engine = open_database(f"sqlite:///{tmp_path}/db.sqlite" if on_sqlite else request.getfixturevalue("url"))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver("127.0.0.2") as running:
        yield running


def add_user(engine: Engine) -> str:
    user = new_id()
    with Session(engine) as session, session.begin():
        session.add(User(id=user, username=user, password_hash="x"))
    return user


def add_webhook(engine: Engine, user: str, url: str) -> str:
    webhook = new_id()
    WebhookTable(engine).add(Webhook(id=webhook, user_id=user, url=url, secret=SECRET))
    return webhook


def end_job(engine: Engine, user: str, state: JobState = JobState.FAILED) -> str:
    """A job that ends as jobs do."""
    video, job = new_id(), new_id()
    with Session(engine) as session, session.begin():
        session.add(Video(id=video, user_id=user, content_type="", tags=[], size_bytes=1, sha256=""))
        session.flush()
        session.add(Job(id=job, user_id=user, video_id=video, model="m", options={}, state="merging"))
    assert Repository(engine).move(job, state)
    return job


def deliveries(engine: Engine) -> list[Delivery]:
    with Session(engine) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.created_at, Delivery.id)))


def make(engine: Engine, resolving: Resolve = LOOKUPS, tls: ssl.SSLContext = NOBODY, **options: Any) -> Deliverer:
    table = WebhookTable(engine)

    def write(delivery_id: str) -> tuple[str, str, WebhookPayload] | None:
        found = table.with_subject(delivery_id)
        if found is None:
            return None
        delivery, webhook, about = found
        assert isinstance(about, Job)
        return (
            webhook.url,
            webhook.secret,
            WebhookPayload(delivery.id, delivery.event, delivery.created_at, {"job": {"id": about.id}}),
        )

    seconds = options.setdefault("seconds", 10)
    values = {"most": 8, "tries": 3, "pauses": (0.0,), **options}
    return Deliverer(table, Sender(GuardedNetwork(PUBLIC, resolving), seconds, tls), write, **values)


def run(deliverer: Deliverer, until: Callable[[], Awaitable[bool] | bool], seconds: float = 60) -> None:
    """Deliver until it is so."""

    async def work() -> None:
        deliverer.start()
        try:
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(until):
                    await asyncio.sleep(0.02)
        finally:
            await deliverer.close()

    asyncio.run(work())


def ended(engine: Engine) -> Callable[[], bool]:
    return lambda: all(row.finished_at for row in deliveries(engine))


@on_both
def test_end_of_a_job_is_delivered_once_and_signed(engine: Engine, receiver: Receiver) -> None:
    user, other = add_user(engine), add_user(engine)
    add_webhook(engine, user, f"{receiver.url}/a?b=c")
    add_webhook(engine, other, f"{receiver.url}/other")
    job = end_job(engine, user)
    assert not Repository(engine).move(job, JobState.FAILED)  # a second end notes nothing
    run(make(engine), ended(engine))
    (call,), (row,) = receiver.calls, deliveries(engine)
    assert (row.state, row.attempts, row.status, row.error) == ("delivered", 1, 204, None)
    assert call.path == "/a?b=c"
    assert call.content["job"] == {"id": job}
    assert (call.content["id"], call.content["event"]) == (row.id, "job.finished")
    assert call.headers["webhook-id"] == row.id
    assert call.headers["webdetector-event"] == "job.finished"
    assert call.headers["content-type"] == "application/json"
    assert call.signed_with(SECRET)
    assert not call.signed_with("whsec_b3RoZXI=")


def test_each_attempt_is_a_step_that_tells_host_and_status(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), f"{receiver.url}/secret")
    end_job(engine, user)
    answers = iter([500])
    receiver.answer = lambda _: next(answers, 204)
    with kept() as recorded:
        run(make(engine), ended(engine))
    assert [(one.step.name, one.step.kind, one.step.error) for one in recorded] == [
        ("webhook", Kind.CLIENT, "500"),
        ("webhook", Kind.CLIENT, ""),
    ]
    (row,) = deliveries(engine)
    assert recorded[1].step.facts == {
        "http.request.method": "POST",
        "server.address": "127.0.0.2",
        "http.response.status_code": 204,
        "web_detector.delivery": row.id,
        "web_detector.event": "job.finished",
        "web_detector.attempt": 2,
    }


def test_an_event_of_a_later_release_is_left_to_it_and_delays_no_other(engine: Engine, receiver: Receiver) -> None:
    webhook = add_webhook(engine, user := add_user(engine), receiver.url)
    early = utcnow() - timedelta(minutes=1)
    with Session(engine) as session, session.begin():
        for _ in range(3):  # more than are taken of a webhook at once
            session.add(Delivery(webhook_id=webhook, event="stream.lost", state="waiting", next_at=early))
    job = end_job(engine, user)
    run(make(engine, tries=1), lambda: bool(receiver.calls) and deliveries(engine)[-1].finished_at is not None)
    assert [call.content["job"]["id"] for call in receiver.calls] == [job]
    left = [row for row in deliveries(engine) if row.event == "stream.lost"]
    assert [(row.state, row.attempts, row.next_at) for row in left] == [("waiting", 0, early)] * 3


@pytest.mark.parametrize("state", [JobState.MERGING, JobState.RUNNING])
def test_only_the_end_of_a_job_creates_deliveries(engine: Engine, state: JobState) -> None:
    user = add_user(engine)
    add_webhook(engine, user, "http://127.0.0.2:9999/")
    job = end_job(engine, user)
    before = len(deliveries(engine))
    assert not Repository(engine).move(job, state)
    assert len(deliveries(engine)) == before == 1


@on_both
def test_job_end_and_deliveries_are_one_transaction(engine: Engine) -> None:
    user = add_user(engine)
    add_webhook(engine, user, "http://127.0.0.2:9999/")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO elsewhere")
    with pytest.raises(Exception, match="deliveries"):
        end_job(engine, user)
    with Session(engine) as session:
        assert session.scalars(select(Job.state)).one() == "merging"


def test_failed_delivery_is_retried_until_accepted(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    answers: list[int | tuple[int, dict[str, str]]] = [500, (302, {"Location": f"{receiver.url}/elsewhere"}), 200]
    receiver.answer = lambda _: answers.pop(0)
    end_job(engine, user)
    run(make(engine), ended(engine))
    (row,) = deliveries(engine)
    assert (row.state, row.attempts, row.status, row.error) == ("delivered", 3, 200, None)
    assert [call.path for call in receiver.calls] == ["/", "/", "/"]
    assert {call.headers["webhook-id"] for call in receiver.calls} == {row.id}
    assert len({call.body for call in receiver.calls}) == 1


def test_delivery_fails_after_the_last_attempt(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    receiver.answer = lambda _: (307, {"Location": "/elsewhere"})
    end_job(engine, user)
    run(make(engine), ended(engine))
    (row,) = deliveries(engine)
    assert (row.state, row.attempts, row.status, len(receiver.calls)) == ("failed", 3, 307, 3)
    assert row.error == "the address answered 307 (Temporary Redirect): redirects are not followed"


def test_retry_delays_grow(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    receiver.answer = lambda _: 503
    end_job(engine, user)
    before = utcnow()
    run(make(engine, pauses=PAUSES), lambda: deliveries(engine)[0].status == 503)
    (row,) = deliveries(engine)
    assert (row.state, row.attempts, row.finished_at) == ("waiting", 1, None)
    assert before + timedelta(seconds=10) <= row.next_at <= utcnow() + timedelta(seconds=10)
    assert list(PAUSES) == sorted(PAUSES)


def test_missing_response_times_out(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    gate = threading.Event()
    receiver.answer = lambda _: 204 if gate.wait(30) else 500
    end_job(engine, user)
    run(make(engine, seconds=0.3, tries=1), ended(engine))
    gate.set()
    (row,) = deliveries(engine)
    assert (row.state, row.status) == ("failed", None)
    assert row.error == "no answer within 0.3 s (WEBHOOK_TIMEOUT_SECONDS)"


@on_both
@pytest.mark.parametrize("claimed_before", [1, 3])
def test_delivery_of_a_killed_process_is_retried(engine: Engine, receiver: Receiver, claimed_before: int) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    end_job(engine, user)
    table = WebhookTable(engine)
    for _ in range(claimed_before):
        (due,) = table.due(utcnow())
        assert table.claim(due, utcnow())  # and here the process was killed
        assert not table.claim(due, utcnow())  # another one was later
    run(make(engine), ended(engine))
    (row,) = deliveries(engine)
    told = (row.state, row.attempts, len(receiver.calls))
    assert told == (("delivered", 2, 1) if claimed_before == 1 else ("failed", 3, 0))


@on_both
def test_locked_delivery_is_skipped_until_its_lock_expires(engine: Engine) -> None:
    add_webhook(engine, user := add_user(engine), "http://127.0.0.2:9999/")
    end_job(engine, user)
    table = WebhookTable(engine)
    (due,) = table.due(utcnow())
    assert table.claim(due, utcnow() + timedelta(seconds=60))
    assert table.due(utcnow()) == []
    (again,) = table.due(utcnow() + timedelta(seconds=61))
    assert table.claim(again, utcnow())
    assert not table.settle(due, due.attempts + 1, status=200)  # who was late changes nothing
    assert table.settle(again, again.attempts + 1, status=204)


@on_both
def test_two_deliverers_send_each_delivery_once(engine: Engine, receiver: Receiver) -> None:
    user = add_user(engine)
    for path in "ab":
        add_webhook(engine, user, f"{receiver.url}/{path}")
    for _ in range(10):
        end_job(engine, user)
    both = [make(engine), make(engine)]

    async def work() -> None:
        for one in both:
            one.start()
        while not await asyncio.to_thread(ended(engine)):
            await asyncio.sleep(0.02)
        for one in both:
            await one.close()

    asyncio.run(asyncio.wait_for(work(), 60))
    told = [call.headers["webhook-id"] for call in receiver.calls]
    assert len(told) == 20
    assert set(told) == {row.id for row in deliveries(engine)}


def test_hanging_host_delays_no_other_and_gets_two_calls_at_once(engine: Engine, receiver: Receiver) -> None:
    slow, quick = add_user(engine), add_user(engine)
    gate, at_once, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def answer(_: object) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        gate.wait(30)
        with lock:
            at_once -= 1
        return 200

    receiver.answer = answer
    for path in "abc":
        add_webhook(engine, slow, f"{receiver.url}/{path}")
    for _ in range(4):
        end_job(engine, slow)
    with Receiver("127.0.0.3") as other:
        add_webhook(engine, quick, other.url)
        end_job(engine, quick)

        def told() -> bool:
            if other.calls and len(receiver.calls) >= 2:
                gate.set()
            return ended(engine)()

        run(make(engine), told)
        assert len(other.calls) == 1
    assert (len(receiver.calls), most) == (12, 2)


@on_both
def test_deleted_webhook_gets_no_more_calls(engine: Engine, receiver: Receiver) -> None:
    user = add_user(engine)
    webhook, kept = add_webhook(engine, user, f"{receiver.url}/gone"), add_webhook(engine, user, f"{receiver.url}/kept")
    end_job(engine, user)
    WebhookTable(engine).delete(user, webhook)
    assert [row.webhook_id for row in deliveries(engine)] == [kept]
    run(make(engine), ended(engine))
    assert [call.path for call in receiver.calls] == ["/kept"]


def _scalar(engine: Engine, statement: Executable) -> Any:
    """In a transaction of its own: what PostgreSQL tells of its sessions stands still within one."""
    with engine.connect() as connection:
        return connection.scalar(statement)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_concurrently_deleted_webhook_does_not_roll_back_the_job_end(engine: Engine) -> None:
    user = add_user(engine)
    webhook = add_webhook(engine, user, "http://127.0.0.2:9999/")
    with ThreadPoolExecutor() as threads:
        with Session(engine) as session, session.begin():
            session.execute(delete(Webhook).where(Webhook.id == webhook))
            ending = threads.submit(end_job, engine, user)
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            while not ending.done() and not _scalar(engine, waits):
                time.sleep(0.02)
        job = ending.result(60)
    with Session(engine) as session:
        assert session.get_one(Job, job).state == "failed"
    assert deliveries(engine) == []


def test_host_is_resolved_once_per_attempt_and_never_to_private_addresses(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), f"http://{NAME}:{receiver.port}/x")
    receiver.answer = lambda _: 500
    asked: list[str] = []

    async def changing(host: str, port: int, user: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    end_job(engine, user)
    with Receiver("127.0.0.1", receiver.port) as inside:
        run(make(engine, changing, tries=2), ended(engine))
        assert inside.calls == []
    (row,) = deliveries(engine)
    assert (len(receiver.calls), asked) == (1, [NAME, NAME])
    assert receiver.calls[0].headers["host"] == f"{NAME}:{receiver.port}"
    assert (row.state, row.status) == ("failed", None)
    assert row.error == "the host is unknown or not on the public internet: give a public address"


def test_a_certificate_is_verified(engine: Engine, tmp_path: Path) -> None:
    require("openssl")
    pem = certificate(tmp_path, f"DNS:{NAME}")
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=pem)
    served.load_cert_chain(pem)

    async def there(_host: str, _port: int, _user: str) -> list[str]:
        return ["127.0.0.2"]

    with Receiver("127.0.0.2", tls=served) as receiver:
        add_webhook(engine, user := add_user(engine), f"https://{NAME}:{receiver.port}/")
        end_job(engine, user)
        run(make(engine, there, trusting, tries=1), ended(engine))
        end_job(engine, user)
        run(make(engine, there, tries=1), ended(engine))
        assert len(receiver.calls) == 1
    trusted, strange = deliveries(engine)
    assert (trusted.state, strange.state) == ("delivered", "failed")
    assert "certificate" in (strange.error or "")


def test_database_outage_is_retried(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    end_job(engine, user)

    def rename(old: str, new: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    async def work() -> None:
        rename("deliveries", "elsewhere")
        deliverer = make(engine)
        deliverer.start()
        await asyncio.sleep(0.2)
        rename("elsewhere", "deliveries")
        while not await asyncio.to_thread(ended(engine)):
            await asyncio.sleep(0.02)
        await deliverer.close()

    asyncio.run(asyncio.wait_for(work(), 60))
    assert len(receiver.calls) == 1


def test_concurrency_0_makes_no_calls(engine: Engine, receiver: Receiver) -> None:
    add_webhook(engine, user := add_user(engine), receiver.url)
    end_job(engine, user)
    asyncio.run(asyncio.wait_for(_start_and_close(make(engine, most=0)), 60))
    assert (receiver.calls, deliveries(engine)[0].attempts) == ([], 0)


async def _start_and_close(deliverer: Deliverer) -> None:
    deliverer.start()
    await deliverer.close()


def test_webhooks_are_limited_per_user(engine: Engine) -> None:
    user = add_user(engine)
    for number in range(WEBHOOKS_PER_USER):
        add_webhook(engine, user, f"http://127.0.0.2/{number}")
    with pytest.raises(TooManyWebhooks):
        add_webhook(engine, user, "http://127.0.0.2/more")
    add_webhook(engine, add_user(engine), "http://127.0.0.2/")


def test_a_user_tests_one_webhook_at_a_time() -> None:
    sender = Sender(GuardedNetwork((), LOOKUPS), 1, NOBODY)
    with sender.testing("a"), sender.testing("b"), pytest.raises(WebhookBusy), sender.testing("a"):
        pass
    with sender.testing("a"):
        pass


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1:8080/", "http://169.254.169.254/x"]
)
def test_private_address_is_refused_at_creation(url: str) -> None:
    with pytest.raises(WebhookRefused, match="not on the public internet"):
        asyncio.run(Sender(GuardedNetwork(PUBLIC, LOOKUPS), 5, NOBODY).check("carol", url))
    asyncio.run(Sender(GuardedNetwork(PUBLIC, LOOKUPS), 5, NOBODY).check("carol", "http://127.0.0.2:8000/"))
