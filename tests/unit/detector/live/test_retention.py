"""How long results of a stream are kept, while its recordings change."""

import msgspec
import pytest

from contracts.live.streams import RecordingOptions, StreamOptions, StreamSpec
from detector.live import retention
from detector.live.retention import Retention

SPEC = StreamSpec("yard", "someone", "push", 1, 0.0, "tiny", StreamOptions())


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def recorded(minutes: float) -> StreamSpec:
    return msgspec.structs.replace(SPEC, record=RecordingOptions(minutes))


def test_it_grows_at_once_and_shrinks_when_the_longer_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(retention, "time", clock)
    kept = Retention(15)
    assert kept.seconds(SPEC) == 15 * 60
    assert kept.seconds(recorded(60)) == 120 * 60
    clock.now += 50 * 60
    assert kept.seconds(recorded(60)) == 120 * 60
    for changed in (SPEC, recorded(10), recorded(5)):
        clock.now += 30 * 60
        assert kept.seconds(changed) == 120 * 60, "the recording that ran may not have been filed yet"
    clock.now += 30 * 60
    assert kept.seconds(recorded(10)) == 20 * 60
    assert kept.seconds(SPEC) == 20 * 60
