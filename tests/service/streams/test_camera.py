"""A camera with a password, from its address to its results, through a whole service that may reach this machine."""

import json
from typing import Any

import psutil
import redis

from contracts.live import keys
from tests.service.streams.conftest import RIGHT_HEADER, SECRET
from tests.support.deployments.embedded import Embedded
from tests.support.servers.byte_server import Web
from tests.support.waiting import until

WRONG = "not-the-pass-of-it"


def readers(service: Embedded) -> list[psutil.Process]:
    """The processes that read cameras."""
    (ingest,) = service.processes(r"ingest\.worker")
    return ingest.children(recursive=True)


def test_a_wrong_password_is_named_and_leaves_no_process_and_the_right_one_gives_results(
    reaching: Embedded, camera: Web
) -> None:
    client = reaching.client()
    url = f"http://viewer:{{}}@127.0.0.1:{camera.port}/camera?channel=1&pwd={SECRET}"
    before = readers(reaching)
    body = {"kind": "http", "url": url.format(WRONG), "name": "door"}
    made = client.call("POST", "/streams", 201, json=body)
    path = f"/streams/{made['id']}"

    def shown() -> Any:
        return client.call("GET", path, 200)

    until(lambda: shown()["state"] == "failed")
    assert shown()["reason"] == "unauthorized"
    asked = camera.connections
    assert readers(reaching) == before

    client.call("PATCH", path, 200, json={"url": url.format(SECRET)})
    until(lambda: shown()["state"] == "live" and shown()["live"]["fps_out"] > 0)
    assert shown()["live"]["codec"] == "mjpeg"
    assert camera.connections > asked
    until(lambda: client.call("GET", f"{path}/results", 200)["frames"])
    with redis.Redis.from_url(reaching.settings().coordination_url) as server:
        client.call("DELETE", path, 204)
        until(lambda: readers(reaching) == before)
        # What its last recording needs, and what was written meanwhile, expires.
        assert not [key for key in keys.all_of(made["id"]) if server.ttl(key) == -1]

    told = json.dumps(made) + reaching.output() + " ".join(" ".join(one.cmdline()) for one in reaching.processes())
    for secret in (SECRET, WRONG, RIGHT_HEADER):
        assert secret not in told
