"""An alarm on all its way: a camera by RTSP, the live detector, a rule, the call of a webhook. A real service, and real
servers at both ends."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Client
from tests.support.models import tiny_model
from tests.support.servers.processes import running
from tests.support.servers.webhook_receiver import Call, Receiver
from tests.support.videos.live import visits
from tests.support.waiting import until

_LONG = 604_800  # seconds: one alert of a rule is all there is


@pytest.fixture(scope="module")
def guarded(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A service that tracks, and that reads cameras and calls webhooks here."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {
        "TRACKS": "on", "STREAM_ALLOW_NETWORKS": "127.0.0.0/8", "WEBHOOK_ALLOW_NETWORKS": "127.0.0.1/32",
        "WEBHOOK_TIMEOUT_SECONDS": 1, "DETECTOR_WORKERS": 1,
    }  # fmt: skip
    with mode.run(folder, **settings, **tiny_model.as_default(folder)) as service:
        assert isinstance(service, Embedded)
        yield service


@pytest.fixture(scope="module")
def client(guarded: Embedded) -> Client:
    return guarded.client()


@pytest.fixture(scope="module")
def stream(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A camera that somebody comes to every 4 s."""
    folder = tmp_path_factory.mktemp("camera")
    (folder / "door.mp4").write_bytes(visits(away=75, there=25).content)
    with running("rtsp_server", str(folder)) as server:
        url = f"rtsp://127.0.0.1:{server.port}/door.mp4?play_count=0"
        yield client.call("POST", "/streams", 201, json={"kind": "rtsp", "url": url, "name": "door"})["id"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def add_rule(client: Client, stream: str, receiver: Receiver) -> Any:
    webhook = client.call("POST", "/webhooks", 201, json={"url": receiver.url, "jobs": False})["id"]
    search = {"label": ["person"], "stream_id": [stream]}
    rule = {"name": "somebody at the door", "search": search, "webhook_id": webhook, "at_most_one_in_s": _LONG}
    return client.call("POST", "/alert-rules", 201, json=rule)


def alerts(client: Client, rule: Any) -> list[Any]:
    found: list[Any] = client.call("GET", "/alerts", 200, params={"rule_id": rule["id"]})["alerts"]
    return found


def test_who_comes_before_a_camera_is_told_to_a_webhook(client: Client, stream: str, receiver: Receiver) -> None:
    rule = add_rule(client, stream, receiver)
    (call,) = receiver.wait(1)
    (alert,) = alerts(client, rule)
    told = call.content["alert"]
    assert (told["id"], told["rule_name"]) == (alert["id"], "somebody at the door")
    assert (told["label"], told["stream_id"]) == ("person", stream)


def test_a_sender_that_is_killed_while_it_calls_sends_again_and_history_has_the_alert_once(
    guarded: Embedded, client: Client, stream: str, receiver: Receiver
) -> None:
    killed: list[int] = []

    def answer(_: Call) -> int:
        """The alert is committed, and its delivery is taken and not noted as done."""
        if not killed:
            for worker in [one for one in guarded.processes("gunicorn") if not one.children()]:
                worker.kill()
                killed.append(worker.pid)
        return 204

    receiver.answer = answer
    rule = add_rule(client, stream, receiver)
    first, second = receiver.wait(2)
    assert killed
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content["alert"]["id"] == second.content["alert"]["id"]
    path = f"/webhooks/{rule['webhook_id']}/deliveries"
    until(lambda: client.call("GET", path, 200)["items"][0]["state"] == "delivered")
    assert len(client.call("GET", path, 200)["items"]) == 1
    assert [one["id"] for one in alerts(client, rule)] == [first.content["alert"]["id"]]
