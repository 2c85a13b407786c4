"""What a request has stored is removed when it fails, whatever the error."""

from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from api.requests.multipart_form import Form
from api.routes import uploads, video_creation
from contracts.database.tables import Video
from contracts.errors import InvalidOptions, JobsRunning

VIDEO = Video(id="video", user_id="user", sha256="0" * 64, size_bytes=1)
SERVICES: Any = SimpleNamespace(
    quotas=SimpleNamespace(size_limit=lambda _: None, guard_bytes=lambda *_: None),
    videos=SimpleNamespace(add=lambda *_: VIDEO),
    settings=SimpleNamespace(default_model="nanodet-g"),
)


def failing(error: type[BaseException]) -> Any:
    async def fail(*_: Any, **__: Any) -> None:
        raise error("made to fail")

    return fail


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[Video]:
    """The videos that were removed."""
    found: list[Video] = []
    monkeypatch.setattr(video_creation, "discard", found.append)
    monkeypatch.setattr(uploads, "context", SimpleNamespace(current=lambda: SERVICES))
    return found


def call(operation: Any, error: type[BaseException]) -> None:
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    with pytest.raises(error):
        anyio.run(operation, request, "user")


@pytest.mark.parametrize("error", [OverflowError, KeyError, InvalidOptions])
def test_a_job_that_cannot_be_started_leaves_no_video(
    removed: list[Video], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def receive(*_: Any, **__: Any) -> tuple[Video, Form]:
        return VIDEO, Form()

    def start(*_: Any) -> None:
        raise error("made to fail")

    monkeypatch.setattr(uploads, "_receive", receive)
    monkeypatch.setattr(uploads, "_model_and_options", start)
    call(uploads.detect, error)
    assert removed == [VIDEO]


@pytest.mark.parametrize("error", [OverflowError, OSError])
def test_an_upload_that_fails_after_it_was_stored_leaves_no_video(
    removed: list[Video], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def store(*_: Any) -> tuple[Any, Form]:
        return SimpleNamespace(size_bytes=1), Form()

    monkeypatch.setattr(uploads, "_store", store)
    monkeypatch.setattr(uploads, "video_row", lambda *_: VIDEO)
    monkeypatch.setattr(uploads, "probed", failing(error))
    call(uploads.create_video, error)
    assert removed == [VIDEO]


def test_a_video_that_a_job_has_taken_up_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Video) -> None:
        raise JobsRunning("made to run")

    monkeypatch.setattr(video_creation, "discard", refuse)
    anyio.run(video_creation.undo, VIDEO)
