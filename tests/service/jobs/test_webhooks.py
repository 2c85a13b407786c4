"""Webhooks as a client and a receiving server see them."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Webhook
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import ROOT, Client, Service
from tests.support.models import tiny_model
from tests.support.servers.webhook_receiver import Receiver
from tests.support.traces.otlp import Seen, collected
from tests.support.waiting import until

OPTIONS = {"every_n": 50}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def verifier() -> Any:
    """The function of the documentation."""
    text = (ROOT / "docs/webhooks.md").read_text()
    (code,) = re.findall(r"<!-- executed: verify -->\n```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  (it is ours)
    return names["is_ours"]


def make(client: Client, url: str) -> Any:
    return client.call("POST", "/webhooks", 201, json={"url": url})


def told(client: Client, webhook: Any, seconds: float = 240) -> list[Any]:
    """The deliveries, as soon as none waits any more."""
    deadline = time.monotonic() + seconds
    while True:
        items: list[Any] = client.call("GET", f"/webhooks/{webhook['id']}/deliveries", 200)["items"]
        if items and all(item["finished_at"] for item in items):
            return items
        assert time.monotonic() < deadline, items
        time.sleep(0.1)


def steps_of(collector: Receiver, job: str, delivery: str) -> dict[str, Seen]:
    """By name, the steps that are a job and the call of a webhook."""
    ours = {("job", job), ("webhook", delivery)}
    return {
        span.name: span
        for span in collected(collector.calls)
        if (span.name, span.facts.get(f"web_detector.{'job' if span.name == 'job' else 'delivery'}")) in ours
    }


@pytest.mark.every_mode
def test_end_of_a_job_calls_the_webhook(
    reaching: Service, receiver: Receiver, collector: Receiver, sample: Path
) -> None:
    client, other = reaching.client(), reaching.client()
    webhook = make(client, f"{receiver.url}/jobs?x=1")
    make(other, f"{receiver.url}/other")
    job = client.detect(sample, options=OPTIONS)
    (delivery,) = told(client, webhook)
    (call,) = receiver.calls
    assert call.path == "/jobs?x=1"
    assert call.content["job"].keys() == job.keys()
    assert (call.content["job"]["id"], call.content["job"]["state"]) == (job["id"], "succeeded")
    assert (call.content["id"], call.content["event"]) == (delivery["id"], "job.finished")
    assert (delivery["job_id"], delivery["state"], delivery["status"]) == (job["id"], "delivered", 204)
    assert (delivery["attempts"], delivery["next_at"], delivery["error"]) == (1, None, None)
    until(lambda: {"job", "webhook"} <= steps_of(collector, job["id"], delivery["id"]).keys())
    found = steps_of(collector, job["id"], delivery["id"])
    assert found["webhook"].parent == found["job"].id
    assert found["webhook"].trace == found["job"].trace
    client.call("DELETE", f"/jobs/{job['id']}", 204)
    assert client.call("GET", f"/webhooks/{webhook['id']}/deliveries", 200)["items"] == []


def test_alerts_call_the_webhook_of_their_rule(reaching: Service, receiver: Receiver, sample: Path) -> None:
    """From the job to the call: its tracks raise alerts, which one webhook is told of, and another of the job."""
    client = reaching.client()
    silent = client.call("POST", "/webhooks", 201, json={"url": f"{receiver.url}/alerts", "jobs": False})
    webhook = make(client, f"{receiver.url}/jobs")
    rule = {"name": "things", "search": {"label": list(tiny_model.COMMON_LABELS)}, "webhook_id": silent["id"]}
    made = client.call("POST", "/alert-rules", 201, json=rule)
    job = client.detect(sample)
    client.call("POST", f"/jobs/{job['id']}/tracks", 202, json={})
    (delivery,) = told(client, webhook)
    (of_alert,) = told(client, silent)
    calls = {call.path: call for call in receiver.calls}  # one that was late is repeated
    (alert,) = client.call("GET", "/alerts", 200, params={"rule_id": made["id"]})["alerts"]
    call = calls["/alerts"]
    assert call.signed_with(silent["secret"])
    assert (call.content["event"], call.content["alert"]) == ("alert.raised", alert)
    assert (delivery["event"], delivery["alert_id"]) == ("job.finished", None)
    assert (of_alert["event"], of_alert["alert_id"], of_alert["job_id"]) == ("alert.raised", alert["id"], None)
    assert (alert["job_id"], alert["rule_name"], alert["dated"]) == (job["id"], "things", False)
    client.call("DELETE", f"/alert-rules/{made['id']}", 204)
    assert client.call("GET", f"/webhooks/{silent['id']}/deliveries", 200)["items"] == []


def test_documented_function_verifies_signatures(reaching: Service, receiver: Receiver) -> None:
    client = reaching.client()
    webhook = make(client, receiver.url)
    assert client.call("POST", f"/webhooks/{webhook['id']}/test", 200) == {
        "delivered": True,
        "status": 204,
        "error": None,
    }
    (call,) = receiver.calls
    assert (call.content["event"], call.content["job"]) == ("test", None)
    is_ours, headers = verifier(), call.headers
    assert is_ours(webhook["secret"], headers, call.body)
    assert not is_ours(webhook["secret"], headers, call.body + b" ")
    assert not is_ours("whsec_" + "x" * 43 + "=", headers, call.body)
    assert not is_ours(webhook["secret"], headers, call.body, tolerance=-1)
    later = str(int(headers["webhook-timestamp"]) + 1)
    signature = headers["webhook-signature"]
    for name, values in {
        "webhook-id": ["", "x"],
        "webhook-timestamp": [later, "", "x", "²"],
        "webhook-signature": ["", "v1,", "v1,ü", signature.replace("v1,", "v0,"), signature.removeprefix("v1,")],
    }.items():
        for value in values:
            assert not is_ours(webhook["secret"], headers | {name: value}, call.body)
    assert is_ours(webhook["secret"], headers | {"webhook-signature": f"v1,bm8= {signature}"}, call.body)


def test_the_secret_is_shown_once(reaching: Service, receiver: Receiver) -> None:
    client = reaching.client()
    response = client.request("POST", "/webhooks", json={"url": receiver.url})
    webhook = response.json()
    assert response.headers["cache-control"] == "no-store"
    shown = {name: value for name, value in webhook.items() if name != "secret"}
    assert client.call("GET", "/webhooks", 200)["items"] == [shown]
    assert client.call("GET", f"/webhooks/{webhook['id']}", 200) == shown
    assert make(client, receiver.url)["secret"] != webhook["secret"]


def test_failed_test_call_reports_the_reason(reaching: Service, receiver: Receiver) -> None:
    client = reaching.client()
    webhook = make(client, f"{receiver.url}/x")
    receiver.answer = lambda _: (301, {"Location": f"{receiver.url}/y"})
    outcome = client.call("POST", f"/webhooks/{webhook['id']}/test", 200)
    assert (outcome["delivered"], outcome["status"]) == (False, 301)
    assert "redirects are not followed" in outcome["error"]
    assert [call.path for call in receiver.calls] == ["/x"]
    receiver.__exit__()
    outcome = client.call("POST", f"/webhooks/{webhook['id']}/test", 200)
    assert outcome == {"delivered": False, "status": None, "error": "the address cannot be reached: no connection"}


def test_webhooks_of_other_users_return_404(reaching: Service, receiver: Receiver) -> None:
    owner, other = reaching.client(), reaching.client()
    path = f"/webhooks/{make(owner, receiver.url)['id']}"
    for method, more in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test")):
        other.problem(method, path + more, 404, "not_found")
    assert other.call("GET", "/webhooks", 200)["items"] == []
    owner.call("DELETE", path, 204)
    owner.problem("GET", path, 404, "not_found")
    assert receiver.calls == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706434/",
        "http://169.254.169.254/latest",
        "http://name.invalid/",
        "http://127.0.0.1:22/",
        "http://user:word@127.0.0.1/",
        "ftp://127.0.0.1/",
        "/path",
    ],
)
def test_private_address_is_refused(reaching: Service, url: str) -> None:
    client = reaching.client()
    client.problem("POST", "/webhooks", 422, "webhook_refused", json={"url": url})
    assert client.call("GET", "/webhooks", 200)["items"] == []


@pytest.mark.every_mode
def test_address_is_checked_again_at_each_call(reaching: Service, receiver: Receiver, sample: Path) -> None:
    client = reaching.client()
    webhook = make(client, receiver.url)
    engine = open_database(reaching.settings().database_url)
    with Session(engine) as session, session.begin():  # as if the name had led elsewhere then
        elsewhere = f"http://127.0.0.2:{receiver.port}/"
        session.execute(update(Webhook).where(Webhook.id == webhook["id"]).values(url=elsewhere))
    engine.dispose()
    outcome = client.call("POST", f"/webhooks/{webhook['id']}/test", 200)
    assert outcome["error"] == "the host is unknown or not on the public internet: give a public address"


@pytest.mark.parametrize("body", [{}, {"url": 1}, {"url": ""}, {"url": "x" * 2049}, {"url": "http://a", "b": 1}, []])
def test_body_that_violates_the_spec_is_refused(reaching: Service, body: object) -> None:
    client = reaching.client()
    assert client.request("POST", "/webhooks", json=body).status_code == 422


@pytest.mark.every_mode
def test_deliveries_are_paginated(reaching: Service, receiver: Receiver, sample: Path) -> None:
    client = reaching.client()
    webhook = make(client, receiver.url)
    video = client.upload(sample)
    jobs = [client.wait(client.start(video, options=OPTIONS)) for _ in range(3)]
    assert {item["job_id"] for item in told(client, webhook)} == {job["id"] for job in jobs}
    path, pages = f"/webhooks/{webhook['id']}/deliveries", []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = client.call("GET", path, 200, params=query)
        pages.append([item["job_id"] for item in page["items"]])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [len(page) for page in pages] == [2, 1]
    assert [job_id for page in pages for job_id in page] == [job["id"] for job in reversed(jobs)]
    client.problem("GET", path, 422, "invalid_cursor", params={"cursor": "x"})


def test_private_networks_are_called_only_if_allowed(service: Service, receiver: Receiver) -> None:
    service.client().problem("POST", "/webhooks", 422, "webhook_refused", json={"url": receiver.url})
    assert receiver.calls == []


def test_api_killed_during_a_call_repeats_it(reaching: Embedded, receiver: Receiver, sample: Path) -> None:
    client, gate = reaching.client(), threading.Event()
    webhook = make(client, receiver.url)
    receiver.answer = lambda _: 204 if gate.wait(60) else 500
    client.start(client.upload(sample), options=OPTIONS)
    receiver.wait(1)
    for worker in [process for process in reaching.processes("gunicorn") if not process.children()]:
        worker.kill()
    gate.set()
    first, second = receiver.wait(2)[:2]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content["job"]["id"] == second.content["job"]["id"]
    assert second.signed_with(webhook["secret"])
    (delivery,) = told(client, webhook)
    assert (delivery["state"], delivery["attempts"] >= 2) == ("delivered", True)
