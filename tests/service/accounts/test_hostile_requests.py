"""Hostile files and names through the whole service: each has an answer, and the service is as before."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.service import Client, Service
from tests.support.hostile.canary import canary
from tests.support.hostile.crafted import CRAFTED
from tests.support.hostile.lures import LURES
from tests.support.hostile.mutations import mutant
from tests.support.hostile.seeds import INDEX_FIRST, seed

FILES: dict[str, Callable[[], bytes]] = {
    "cut mp4": lambda: seed(INDEX_FIRST)[:30_000],
    "cut matroska": lambda: seed("matroska h264")[:40_000],
    **{name: CRAFTED[name] for name in ("growing", "overgrown", "standing", "leaping", "packed_track", "nested")},
    **{f"mutant {number}": lambda number=number: mutant(3, number)[1] for number in range(4)},  # type: ignore[misc]
}
NAMES = [
    "../../../../etc/passwd",
    "..\\..\\a.mp4",
    "/etc/shadow",
    "%2e%2e%2fa.mp4",
    "CON",
    "a\u00e9\U0001f600.mp4",
    "x" * 255,
]
REFUSED_NAMES = ["a\0.mp4", "a\u202egpm.exe", "x" * 4096, "a\r\nSet-Cookie: b=c"]


def outcome(client: Client, content: bytes) -> str:
    """What becomes of a file from its upload to the end of a job: "refused", "succeeded", "partial" or "failed"."""
    answer = client.request("POST", "/videos", content=content, headers={"Content-Type": "video/mp4"})
    if answer.status_code != 201:
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["detail"]
        return "refused"
    job = client.wait(client.start(answer.json(), options={"every_n": 10}))
    if job["state"] == "succeeded":
        assert job["failed_ranges"] == []
        return "succeeded"
    assert job["state"] in ("partial", "failed"), job
    assert job["error"]["code"] not in ("internal", "poison"), job
    assert job["error"]["detail"]
    if job["state"] == "partial":
        assert job["failed_ranges"] or job["error"]["code"] == "video_damaged", job
    return str(job["state"])


def pids(service: Service) -> set[int]:
    """The processes that live as long as the service."""
    return {process.pid for process in service.processes(r"\.worker|render_worker|gunicorn|valkey")}


def test_hostile_file_gets_a_response_and_kills_no_process(service: Service, client: Client, sample: Path) -> None:
    client.detect(sample)  # all that is started for a first job is there
    before = pids(service)
    outcomes = {name: outcome(client, make()) for name, make in FILES.items()}
    assert outcomes["cut mp4"] == outcomes["cut matroska"] == "partial"
    assert outcomes["packed_track"] == outcomes["nested"] == "refused"
    assert pids(service) == before, outcomes
    assert client.detect(sample)["state"] == "succeeded"


def test_files_referenced_by_an_upload_are_never_read(service: Service, client: Client, tmp_path: Path) -> None:
    with canary(tmp_path / "bird.mp4", seed("mp4 h264")) as bird:
        for name in ("hls", "concat", "elsewhere", "by_address", "film behind a script"):
            outcome(client, LURES[name](bird.path, bird.address))
        assert bird.touched() == []


def upload_ways(client: Client, name: str) -> list[Any]:
    """The answers to a film of that name, sent as a form, in the address, and in pieces."""
    content = seed("mp4 h264")
    named = base64.b64encode(name.encode()).decode()
    pieces = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": f"filename {named}"}
    pieces["Content-Type"] = "application/offset+octet-stream"
    return [
        client.request("POST", "/videos", files={"video": ("a.mp4", content)}, data={"name": name}),
        client.request(
            "POST", "/videos", params={"name": name}, content=content, headers={"Content-Type": "video/mp4"}
        ),
        client.request("POST", "/uploads", content=content, headers=pieces),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_file_name_is_stored_verbatim_and_never_used_as_a_path(service: Service, client: Client, name: str) -> None:
    for answer in upload_ways(client, name):
        assert answer.status_code == 201, answer.text
    kept = client.call("GET", "/videos", 200)["items"]
    assert [video["name"] for video in kept] == [name] * 3
    for video in kept:
        assert video["id"] not in name
        assert client.request("GET", f"/videos/{video['id']}/content").content == seed("mp4 h264")
        client.call("DELETE", f"/videos/{video['id']}", 204)
    assert not [path for path in service.stored_files() if ".." in path or "passwd" in path or "CON" in path]


@pytest.mark.parametrize("name", REFUSED_NAMES, ids=["NUL", "right to left", "4 KB", "line break"])
def test_unprintable_file_name_is_refused_with_the_reason(client: Client, name: str) -> None:
    for answer in upload_ways(client, name):
        if answer.status_code == 414:  # it was in the address
            assert len(name) > 4000
            continue
        assert answer.status_code == 422, answer.text
        assert "name" in answer.json()["detail"]


ZONE = {"name": "z", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/streams?cursor=2026-01-01T00:00:00Z_%00", None),
        ("GET", "/jobs?search=a%00b", None),
        ("GET", "/search?label=car&label=a%00b", None),
        ("POST", "/scenes", {"name": "a\0b", "zones": [ZONE]}),
    ],
)
def test_nul_in_a_text_is_refused_with_the_reason(client: Client, method: str, path: str, content: Any) -> None:
    """PostgreSQL holds none."""
    answer = client.request(method, path, json=content)
    assert answer.status_code == 400, answer.text
    assert "contains the character NUL" in answer.json()["detail"]
