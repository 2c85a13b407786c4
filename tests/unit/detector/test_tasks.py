"""The detector's task at its edge."""

import pytest
from celery.exceptions import Reject

from contracts.wire.messages import SCHEMA_BY_PACKETS
from detector import tasks


def test_chunk_of_a_later_release_goes_back_to_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0)
    message = {
        "schema": SCHEMA_BY_PACKETS + 1,
        "job_id": "7e1d",
        "index": 0,
        "video_key": "videos/7e1d/content",
        "plan": {"model": "m", "model_digest": "0", "engine": "e", "precision": "auto", "options": {}},
        "clock": "pts",
        "rotation": 0,
        "width": 640,
        "height": 360,
        "seeks": [0],
        "first_frame": 0,
        "times": [0],
        "end": None,
    }
    with pytest.raises(Reject) as caught:
        tasks.detect_chunk.run(message)
    assert caught.value.requeue
