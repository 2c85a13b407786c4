"""When a file was recorded, by its name."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cli.client import import_command
from cli.client.recording_time import recorded_at

VIENNA = ZoneInfo("Europe/Vienna")
LOCAL = datetime(2026, 7, 9, 14, 30, 5, tzinfo=VIENNA)


@pytest.mark.parametrize(
    "name",
    [
        "2026-07-09_14-30-05.mp4",
        "2026-07-09 14.30.05.mkv",
        "2026-07-09T14:30:05.ts",
        "20260709_143005.mp4",
        "20260709143005.mp4",
        "VID_20260709_143005.mp4",
        "cam2_00_20260709143005.mp4",
        "door-2026.07.09-14h30m05.mp4",
    ],
)
def test_a_time_in_the_name_is_local(name: str) -> None:
    assert recorded_at(name, VIENNA) == LOCAL


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_vienna")
def test_this_machine_s_zone_is_that_of_each_time_in_summer_and_winter() -> None:
    zone = import_command._parser().parse_args(["folder"]).timezone
    assert recorded_at("2026-07-15_14-30-05.mp4", zone) == datetime(2026, 7, 15, 12, 30, 5, tzinfo=UTC)
    assert recorded_at("2026-01-15_14-30-05.mp4", zone) == datetime(2026, 1, 15, 13, 30, 5, tzinfo=UTC)


def test_a_z_means_utc() -> None:
    assert recorded_at("20260709T143005Z.mp4", VIENNA) == datetime(2026, 7, 9, 14, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "holiday.mp4",
        "2026-07-09.mp4",
        "20261309_143005.mp4",
        "120260709143005.mp4",
        "20260709_143005-20260709_153005.mp4",
    ],
)
def test_what_is_not_exactly_one_time_is_none(name: str) -> None:
    assert recorded_at(name, VIENNA) is None
