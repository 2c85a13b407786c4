"""Rate and latency over the last seconds."""

from detector.live.meter import WINDOW_SECONDS, Meter


def test_rate_and_latency_are_those_of_the_last_seconds() -> None:
    meter = Meter()
    assert (meter.fps(0.0), meter.latency_ms(0.0)) == (0.0, None)
    for number in range(100):
        meter.note(number / 10, 0.5 if number < 40 else 0.02 if number % 10 else 0.2)
    assert abs(meter.fps(9.9) - 10) < 0.5
    assert meter.latency_ms(9.9) == (20.0, 200.0)
    assert (meter.fps(9.9 + 2 * WINDOW_SECONDS), meter.latency_ms(9.9 + 2 * WINDOW_SECONDS)) == (0.0, None)


def test_the_rate_of_a_stream_that_has_just_begun_is_not_too_low() -> None:
    meter = Meter()
    for number in range(20):
        meter.note(number / 10, 0.1)
    assert abs(meter.fps(2.0) - 10) < 0.5
