"""A detector that is killed in the middle of a job costs time, and nothing else. With a model that costs little."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import User, Webhook
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model
from tests.support.servers.webhook_receiver import Receiver
from tests.support.videos.clips import clip
from tests.support.waiting import until

SETTINGS = {
    "CHUNK_SIZE": 48, "DETECTOR_WORKERS": 1, "LEASE_SECONDS": 4, "REAPER_SECONDS": 1,
    "WEBHOOK_ALLOW_NETWORKS": "127.0.0.1/32", "WEBHOOK_CONCURRENCY": 0,
}  # fmt: skip
FRAMES = 960  # seconds of work


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    path.write_bytes(clip(frames=FRAMES, size=(64, 48)).content)
    return path


@pytest.fixture(scope="module")
def own(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Webhooks are switched off in it, until it is started again."""
    folder = tmp_path_factory.mktemp("own")
    with mode.run(folder, **SETTINGS, **tiny_model.as_default(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(own: Service, long: Path) -> bytes:
    """The result file of a job on the long clip that nobody disturbs."""
    return own.result_bytes(own.client().detect(long))


@pytest.mark.parametrize("victim", ["the child at work", pytest.param("the whole worker", marks=pytest.mark.long)])
def test_killed_detector_does_not_change_the_result(own: Embedded, long: Path, undisturbed: bytes, victim: str) -> None:
    """Where a supervisor starts it again; tests/distributed/test_distributed.py shows that another one takes over."""
    client = own.client()
    video = client.upload(long)
    job = client.start(video)
    client.wait(job, lambda now: now["progress"]["frames_done"] > 40)
    (worker,) = [p for p in own.processes(r"detector\.worker") if p.ppid() == own.process.pid]
    children = worker.children()
    for process in children if victim == "the child at work" else [worker]:
        process.kill()
    ended = client.wait(job)
    assert not psutil.pid_exists(children[0].pid), "the kill hit nothing"
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == undisturbed


@dataclass
class Restarted:
    """What there was before a restart. running: a job in the middle of its work. receiver, webhook: of the client, and
    switched on by the restart; waiting: what the client was told of its deliveries before."""

    client: Client
    done: dict[str, Any]
    lines: bytes
    running: dict[str, Any]
    receiver: Receiver
    webhook: str
    waiting: list[dict[str, Any]]


@pytest.fixture(scope="module")
def restarted(own: Embedded, long: Path) -> Iterator[Restarted]:
    client = own.client()
    client.problem("POST", "/webhooks", 403, "webhooks_off", json={"url": "http://127.0.0.1/"})
    client.problem("POST", f"/webhooks/{uuid.uuid4()}/test", 403, "webhooks_off")
    with Receiver() as receiver:
        webhook = add_webhook(own, client, receiver.url)
        done = client.detect(long, options={"end_ms": 1000})
        own.settled_files()  # the poster comes in its own time, and the job says whether it is there
        done = client.job(done)
        lines = client.lines(done)
        waiting = client.call("GET", f"/webhooks/{webhook}/deliveries", 200)["items"]
        running = client.start(client.upload(long))
        client.wait(running, lambda now: now["progress"]["frames_done"] > 40)
        assert own.stop() == 0
        assert receiver.calls == []
        del own.env["WEBHOOK_CONCURRENCY"]
        own.start()
        yield Restarted(client, done, lines, running, receiver, webhook, waiting)


def add_webhook(service: Service, client: Client, url: str) -> str:
    """One that was made before they were switched off."""
    webhook = str(uuid.uuid4())
    engine = open_database(service.settings().database_url)
    with Session(engine) as session, session.begin():
        user = session.scalars(select(User.id).where(User.username == client.username)).one()
        session.add(Webhook(id=webhook, user_id=user, url=url, secret="whsec_eA=="))
    engine.dispose()
    return webhook


def test_restart_keeps_all_data_and_resumes_a_running_job(
    own: Service, restarted: Restarted, undisturbed: bytes
) -> None:
    client, done, running = restarted.client, restarted.done, restarted.running
    tokens = client.call("POST", "/auth/login", 200, json={"username": client.username, "password": client.password})
    client.call("GET", "/auth/me", 200)  # the old token holds: the key was kept
    client.use(tokens)
    assert {item["id"] for item in client.call("GET", "/videos", 200)["items"]} == {
        done["video_id"],
        running["video_id"],
    }
    assert client.job(done) == done
    assert client.lines(done) == restarted.lines
    ended = client.wait(running)
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == undisturbed


def test_deliveries_are_sent_when_webhooks_are_enabled_again(restarted: Restarted) -> None:
    (waiting,) = restarted.waiting
    assert (waiting["state"], waiting["attempts"], waiting["job_id"]) == ("waiting", 0, restarted.done["id"])

    def delivery() -> Any:
        """Of the job that had ended before; the other one's may be there too."""
        items = restarted.client.call("GET", f"/webhooks/{restarted.webhook}/deliveries", 200)["items"]
        return next(item for item in items if item["id"] == waiting["id"])

    until(lambda: delivery()["finished_at"])
    assert (delivery()["state"], delivery()["job_id"]) == ("delivered", restarted.done["id"])
    told = [call.content["job"]["id"] for call in restarted.receiver.calls]
    assert told.count(restarted.done["id"]) == 1
