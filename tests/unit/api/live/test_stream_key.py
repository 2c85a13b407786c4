"""Without STREAM_SECRET_KEY no address of a camera is taken."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.routes.streams import _address
from api.web.problems import status_of
from contracts.errors import StreamKeyMissing
from contracts.settings.table import Settings


def test_a_camera_is_refused_with_the_setting_that_is_missing() -> None:
    services: Any = SimpleNamespace(settings=Settings())
    with pytest.raises(StreamKeyMissing, match="STREAM_SECRET_KEY") as refusal:
        _address(services, "rtsp", "rtsp://me:secret@camera.invalid/")
    assert status_of(refusal.value) == 409
    assert "secret@" not in refusal.value.detail
