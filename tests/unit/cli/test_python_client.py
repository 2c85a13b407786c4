"""The Python client without a service: answers of a busy one, and of another release."""

import httpx2
import pytest

from web_detector import Client, ServiceError, http_client

FRAME = {
    "frame": 3,
    "time_ms": 120.0,
    "detections": [{"label": "cat", "class_id": 15, "score": 0.5, "box": [1, 2, 3, 4]}],
}


def answering(monkeypatch: pytest.MonkeyPatch, *answers: httpx2.Response) -> Client:
    left = list(answers)
    made = http_client.Client("http://service.test", httpx2.MockTransport(lambda _: left.pop(0)))
    monkeypatch.setattr(http_client, "Client", lambda _url: made)
    monkeypatch.setattr(http_client, "_POLL_SECONDS", 0)
    return Client("http://service.test", token="a token")


def test_a_page_is_asked_for_again_while_the_service_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"frames": [FRAME], "next_cursor": None, "complete": True, "new": "of a later release"}
    busy = httpx2.Response(503, json={"title": "Unavailable", "code": "unavailable"})
    client = answering(monkeypatch, busy, httpx2.Response(429, json={}), httpx2.Response(200, json=page))
    assert [frame.frame for frame in client.frames("the-job")] == [3]


def test_an_answer_of_another_release_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    client = answering(monkeypatch, httpx2.Response(200, json={"frames": [{"frame": "3"}], "next_cursor": None}))
    with pytest.raises(ServiceError, match="not that of a service of this release"):
        list(client.frames("the-job"))
