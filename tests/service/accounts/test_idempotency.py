"""A request that is repeated with its Idempotency-Key starts one job."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model

QUICK = {"every_n": 100}


def test_the_same_key_and_body_give_the_same_job(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    body = {"video_id": video["id"], "options": QUICK}
    key = {"Idempotency-Key": "k1"}
    job = client.call("POST", "/jobs", 202, json=body, headers=key)
    again = client.request("POST", "/jobs", json={**body, "model": tiny_model.ID}, headers=key)
    assert again.status_code == 202
    assert again.json()["id"] == job["id"]
    assert again.headers["location"].endswith(job["id"])
    client.wait(job)
    assert client.call("POST", "/jobs", 202, json=body, headers=key)["state"] == "succeeded"
    assert client.call("POST", "/jobs", 202, json=body)["id"] != job["id"]
    assert len(client.call("GET", "/jobs", 200)["items"]) == 2


def test_the_same_key_with_another_body_is_refused(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    key = {"Idempotency-Key": "k2"}
    client.call("POST", "/jobs", 202, json={"video_id": video["id"], "options": QUICK}, headers=key)
    other = {"video_id": video["id"], "options": {"every_n": 99}}
    client.problem("POST", "/jobs", 422, "idempotency_mismatch", json=other, headers=key)


def test_key_is_scoped_to_user_and_operation(service: Service, client: Client, sample: Path) -> None:
    key = {"Idempotency-Key": "k3"}
    other = service.client()
    jobs = []
    for user in (client, other):
        video = user.upload(sample)
        jobs.append(user.call("POST", "/jobs", 202, json={"video_id": video["id"], "options": QUICK}, headers=key))
    jobs.append(detect(client, sample, key).json())
    assert len({job["id"] for job in jobs}) == 3


def test_repeated_upload_keeps_only_the_first_file(service: Service, client: Client, sample: Path) -> None:
    key = {"Idempotency-Key": "k4"}
    first = detect(client, sample, key)
    second = detect(client, sample, key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json()["id"] == first.json()["id"]
    assert [video["id"] for video in client.call("GET", "/videos", 200)["items"]] == [first.json()["video_id"]]
    changed = detect(client, sample, key, options='{"every_n": 99}')
    assert changed.status_code == 422
    assert changed.json()["code"] == "idempotency_mismatch"
    assert len(client.call("GET", "/videos", 200)["items"]) == 1


def test_concurrent_requests_start_one_job(client: Client, sample: Path) -> None:
    video = client.upload(sample)
    body = {"video_id": video["id"], "options": QUICK}

    def post(_: int) -> Any:
        return client.call("POST", "/jobs", 202, json=body, headers={"Idempotency-Key": "k5"})["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(16)))) == 1
    assert len(client.call("GET", "/jobs", 200)["items"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_invalid_key_is_refused(client: Client, sample: Path, key: str) -> None:
    response = detect(client, sample, {"Idempotency-Key": key})
    assert response.status_code == 422
    assert client.call("GET", "/videos", 200)["items"] == []


def detect(client: Client, path: Path, headers: dict[str, str], options: str = '{"every_n": 100}') -> httpx.Response:
    with path.open("rb") as file:
        return client.request("POST", "/detect", files={"video": file}, data={"options": options}, headers=headers)
