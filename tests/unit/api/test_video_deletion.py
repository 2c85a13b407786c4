"""Deleting a video with thousands of jobs takes no longer in the request than with twenty."""

from types import SimpleNamespace

import pytest

from api.routes import audit, videos
from api.task_dispatch import Dispatch
from contracts.database.deletion import DeletedVideo
from contracts.database.tables import new_id
from contracts.settings.table import Settings
from contracts.storage.port import result_key, video_key
from contracts.wire.tasks import REMOVE_JOBS
from contracts.workers.celery_app import create_celery
from tests.support.fakes import MemoryResultStore, MemoryStorage


def test_the_processor_removes_what_is_left_of_many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    video, jobs, storage = new_id(), [new_id() for _ in range(1100)], MemoryStorage()
    storage.objects = dict.fromkeys((video_key(video), *(result_key(video, job) for job in jobs)), b"x")
    sent: list[list[object]] = []
    dispatch = Dispatch(create_celery(Settings(broker_url="memory://")))
    monkeypatch.setattr(dispatch, "_send", lambda *arguments: sent.append(list(arguments)))
    services = SimpleNamespace(
        videos=SimpleNamespace(delete=lambda *_: DeletedVideo(jobs, [], [])),
        deleted_jobs=SimpleNamespace(add=lambda *_: None),
        storage=storage,
        store=MemoryResultStore(60),
        dispatch=dispatch,
    )
    monkeypatch.setattr(videos, "context", SimpleNamespace(current=lambda: services))
    monkeypatch.setattr(videos, "_answer_waiting", lambda *_: None)
    monkeypatch.setattr(audit, "note", lambda *_, **__: None)
    videos.delete_video("carol", video)
    assert sorted(storage.objects) == sorted(result_key(video, job) for job in jobs[20:]), "the video itself is gone"
    assert [message[:2] for message in sent] == [[REMOVE_JOBS, video]] * 3
    assert [job for message in sent for job in message[2]] == jobs[20:]  # type: ignore[attr-defined]
