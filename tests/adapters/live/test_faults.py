"""What a stream survives: damage, losses, decoders that die, models that are broken, a Redis that was lost."""

import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.decode import live_parent
from detector.live import pictures
from detector.live.pictures import LEAST_WAIT_SECONDS
from tests.support.live.live_detector import LiveDetector, decoders, jpeg_config, jpegs, send, settled
from tests.support.live.live_packets import Publisher, footage, looped
from tests.support.models import tiny_model
from tests.support.videos.clips import clip
from tests.support.waiting import until


def test_another_size_and_another_codec_change_nothing_else(detector: LiveDetector, stream: Publisher) -> None:
    small, large = footage(clip(frames=12).content), footage(clip(frames=12, size=(320, 240), b_frames=0).content, 2)
    stream.configure(small.config)
    send(detector, stream, list(looped(small, 1)), held=2)
    stream.configure(large.config)
    send(detector, stream, list(looped(large, 2))[12:], held=2)
    stream.configure(jpeg_config(3))
    send(detector, stream, [replace(packet, config=3) for packet in jpegs(3, first=99)], held=2)
    sizes = [(one.width, one.height) for one in stream.results()]
    assert sizes == [(160, 96)] * 10 + [(320, 240)] * 12 + [(64, 48)] * 3
    # What the first decoder still held came with its end, and was old then.
    until(lambda: detector.knows(stream).dropped == {"behind": 2})
    until(settled(detector, stream))


def test_a_damaged_packet_costs_its_frame_alone(detector: LiveDetector, stream: Publisher) -> None:
    stream.configure(jpeg_config())
    packets = jpegs(6)
    packets[2] = replace(packets[2], data=b"\xff\xd8 no picture")
    send(detector, stream, packets[:2])
    stream.send(packets[2])
    send(detector, stream, packets[3:], held=1)
    assert [one.dropped for one in stream.results()] == [{}, {}, {"network": 1}, {}, {}]
    until(settled(detector, stream))
    assert detector.knows(stream).dropped == {"network": 1}


def test_after_a_loss_it_waits_for_a_keyframe(detector: LiveDetector, stream: Publisher) -> None:
    shown = footage(clip(frames=24, b_frames=0).content)
    stream.configure(shown.config)
    send(detector, stream, list(shown.packets[:4]))
    for packet in shown.packets[6:12]:
        stream.send(replace(packet, restart=packet is shown.packets[6]))
    send(detector, stream, list(shown.packets[12:14]), held=6)
    assert [one.pts for one in stream.results()] == [shown.packets[number].pts for number in (0, 1, 2, 3, 12, 13)]
    until(settled(detector, stream))
    assert detector.knows(stream).dropped == {"network": 6}


def test_a_decoder_that_dies_is_replaced_and_harms_no_other_stream(detector: LiveDetector, stream: Publisher) -> None:
    shown = footage(clip(frames=36, b_frames=0).content)
    stream.configure(shown.config)
    before = set(decoders())
    send(detector, stream, list(shown.packets[:6]))
    [own] = set(decoders()) - before
    assert "Seccomp:\t2" in Path(f"/proc/{own.pid}/status").read_text()
    opened = {str(path.readlink()).partition(":")[0] for path in Path(f"/proc/{own.pid}/fd").iterdir()}
    assert opened <= {"socket", "/memfd", "/dev/null"}
    other = detector.published(Publisher(detector.redis, tiny_model.ID))
    other.configure(jpeg_config())
    send(detector, other, jpegs(2))
    own.send_signal(signal.SIGSEGV)
    for packet in shown.packets[6:12]:
        stream.send(packet)
    until(lambda: detector.knows(stream).error == "decode_failed")
    assert "next keyframe" in detector.knows(stream).detail
    send(detector, other, jpegs(2, first=2))
    time.sleep(LEAST_WAIT_SECONDS)  # the next decoder is not started before
    send(detector, stream, list(shown.packets[12:]), held=6)
    until(lambda: not detector.knows(stream).error)
    until(settled(detector, stream))
    assert detector.knows(stream).dropped == {"network": 6}
    assert detector.knows(other).dropped == {}
    other.remove()


def test_a_decoder_that_hangs_is_replaced(
    detector: LiveDetector, stream: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_parent, "ANSWER_SECONDS", 2.0)  # in which one that works answers on any machine
    stream.configure(jpeg_config())
    before = set(decoders())
    send(detector, stream, jpegs(2))
    [own] = set(decoders()) - before
    own.suspend()
    stream.send(jpegs(1, first=2)[0])
    until(lambda: detector.knows(stream).error == "decode_failed")
    assert not own.is_running()
    time.sleep(LEAST_WAIT_SECONDS)
    send(detector, stream, jpegs(2, first=3), held=1)
    until(settled(detector, stream))


def test_a_decoder_is_replaced_now_and_then_and_no_frame_is_lost(
    detector: LiveDetector, stream: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "REPLACED_SECONDS", 0.0)
    shown = footage(clip(frames=24, every=6, b_frames=0).content)
    stream.configure(shown.config)
    before, used = set(decoders()), set()
    for packet in shown.packets:
        send(detector, stream, [packet])
        used |= set(decoders()) - before
    assert len(used) == 4
    assert len(set(decoders()) - before) == 1
    assert detector.knows(stream).dropped == {}


def test_a_model_that_is_broken_or_unknown_says_what_to_do_and_stops_no_other_stream(
    detector: LiveDetector, stream: Publisher, models: Path
) -> None:
    entry = (models / "models" / "tiny.json").read_text()
    (models / "models" / "broken.json").write_text(entry.replace('"tiny', '"broken'))
    (models / "models" / "broken.onnx").write_bytes(b"something else")
    broken, unknown = Publisher(detector.redis, "broken"), Publisher(detector.redis, "unknown")
    broken.publish()
    unknown.publish()
    until(lambda: detector.knows(broken).error == "model_broken")
    assert "install it again" in detector.knows(broken).detail
    until(lambda: detector.knows(unknown).error == "unknown_model")
    assert "nanodet-g" in detector.knows(unknown).detail
    stream.configure(jpeg_config())
    send(detector, stream, jpegs(2))
    broken.remove()
    unknown.remove()


def test_it_goes_on_when_redis_has_lost_everything(detector: LiveDetector, stream: Publisher) -> None:
    stream.configure(jpeg_config())
    send(detector, stream, jpegs(2))
    detector.redis.flushdb()
    for one in detector.redis.client_list():
        if int(one["id"]) != detector.redis.client_id():
            detector.redis.client_kill_filter(_id=one["id"])
    stream.publish()
    stream.configure(jpeg_config())
    stream.sent = 0
    until(lambda: detector.knows(stream).engine)

    def served() -> bool:
        stream.send(jpegs(1, first=10 + stream.sent)[0])
        return bool(stream.results())

    until(served)
