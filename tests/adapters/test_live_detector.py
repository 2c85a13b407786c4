"""Live detection with a real Redis, real decoders and real engines: what it finds, counts and survives."""

import io
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image as Pictures

from contracts.live import keys
from contracts.live.packets import CodecConfig, Packet
from contracts.live.streams import StreamOptions
from contracts.models.catalogue import Catalogue, Model, bundled
from contracts.wire.messages import Options, Plan, decode
from detector.decode import live_parent
from detector.decode.parent import Budget, Decoders
from detector.engine import EngineConfig
from detector.engines.loaded import Engines
from detector.live import pictures
from detector.live.pictures import LEAST_WAIT_SECONDS
from tests.support import waiting
from tests.support.detecting import run
from tests.support.live_detector import LiveDetector, decoders, environ, settled
from tests.support.live_packets import Publisher, footage, looped
from tests.support.models import tiny_model
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, chunks, clip, reordered

DATABASE = 11


def until(condition: Callable[[], object]) -> None:
    waiting.until(condition, 20)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the tiny model."""
    folder = tmp_path_factory.mktemp("live")
    tiny_model.install(folder / "models", labels=("blue", "green", "red"))
    return folder


@pytest.fixture(scope="module")
def detector(valkey: Valkey, models: Path) -> Iterator[LiveDetector]:
    with LiveDetector(environ(valkey, DATABASE, models)) as running:
        running.redis.flushdb()
        yield running


@pytest.fixture
def stream(detector: LiveDetector) -> Iterator[Publisher]:
    """A stream with the tiny model that is analysed, without packets."""
    made = detector.published(Publisher(detector.redis, tiny_model.ID))
    yield made
    made.remove()


def jpegs(count: int, size: tuple[int, int] = (64, 48), first: int = 0) -> list[Packet]:
    """Keyframes all, brighter and brighter."""
    packets = []
    for number in range(first, first + count):
        with io.BytesIO() as sink:
            Pictures.new("RGB", size, (0, 0, 100 + number % 150)).save(sink, "JPEG")
            packets.append(Packet(1, 0, number * 9000, number * 9000, 9000, True, 0.0, sink.getvalue()))
    return packets


def jpeg_config(number: int = 1, size: tuple[int, int] = (64, 48)) -> CodecConfig:
    return CodecConfig(number, "mjpeg", b"", *size, 0, "image/jpeg", b"")


def send(detector: LiveDetector, stream: Publisher, packets: list[Packet], held: int = 0) -> None:
    """Send packets, each when the one before has its result; held: how many the decoder holds back at the end."""
    for packet in packets:
        stream.send(packet)
        until(lambda: len(stream.results()) >= stream.sent - held)


def recorded(
    made: Clip, model: Model, folder: Path, frames: int, options: Options, **shown: Any
) -> list[tuple[bytes, bytes, bytes]]:
    """(class ids, scores, boxes) of each of the first frames by the loop of recorded jobs."""
    plan = Plan(model.id, model.digest(), model.engine, "auto", options)
    chunk = chunks(made, [0, frames], plan=plan, **shown)[0]
    decoders = Decoders(Budget(10**9, 10**12))
    try:
        engine = Engines(folder / "models", EngineConfig(threads=1)).get(model, "auto")
        block = run(chunk, made.source(), decoders, engine, model).block
    finally:
        decoders.close()
    edges = np.cumsum([0, *block.count.tolist()]).tolist()
    parts = [slice(*edge) for edge in pairwise(edges)]
    return [(block.class_id[p].tobytes(), block.score[p].tobytes(), block.box[p].tobytes()) for p in parts]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_what_is_found_equals_what_a_job_finds(b_frames: int, detector: LiveDetector, models: Path) -> None:
    made = clip(frames=25, b_frames=b_frames, clockwise=90)
    assert reordered(made) == bool(b_frames)
    options: dict[str, Any] = {"min_score": 0.4, "labels": ("green", "red"), "region": (0.1, 0.2, 0.9, 0.8)}
    turned = {"width": 96, "height": 160, "rotation": 90}
    expected = recorded(made, Catalogue(models / "models").get(tiny_model.ID), models, 24, Options(**options), **turned)
    stream = detector.published(Publisher(detector.redis, tiny_model.ID, **options))
    shown = footage(made.content)
    stream.configure(shown.config)
    send(detector, stream, list(looped(shown, 1)), held=b_frames)
    results = stream.results()
    assert len(results) == 25 - b_frames
    times = sorted(packet.pts for packet in shown.packets)
    assert [result.pts for result in results] == times[: len(results)], "in the order in which they are shown"
    numbers = {packet.pts: number for number, packet in enumerate(shown.packets)}
    assert [result.number for result in results] == [numbers[result.pts] for result in results]
    assert {(result.width, result.height) for result in results} == {(96, 160)}
    found = [(result.class_id, result.score, result.box) for result in results]
    assert found[:24] == expected[: len(found)]
    assert any(boxes for _, _, boxes in found)
    stream.remove()


def test_the_default_model_finds_the_same_in_the_sample(
    detector: LiveDetector, full_sample: Path, models: Path
) -> None:
    content = full_sample.read_bytes()
    shown = footage(content)
    stream = detector.published(Publisher(detector.redis, "nanodet-g"))
    stream.configure(shown.config)
    send(detector, stream, list(shown.packets[:20]), held=2)
    packets = tuple((packet.pts, packet.dts, packet.key) for packet in shown.packets)
    expected = recorded(Clip(content, packets, 480, 360), bundled("nanodet-g"), models, 18, Options())
    results = [(one.class_id, one.score, one.box) for one in stream.results()]
    assert results[:18] == expected
    assert any(scores for _, scores, _ in results)
    stream.remove()


def test_it_starts_with_the_newest_keyframe(detector: LiveDetector) -> None:
    """In the middle of a group, and of what is kept."""
    shown = footage(clip(frames=36, b_frames=0).content)
    stream = Publisher(detector.redis, tiny_model.ID)
    stream.configure(shown.config)
    for packet in shown.packets[5:25]:
        stream.send(packet)
    detector.published(stream)
    until(lambda: len(stream.results()) == 1)
    send(detector, stream, list(shown.packets[25:]), held=19)
    assert [result.pts for result in stream.results()] == [packet.pts for packet in shown.packets[24:]]
    assert detector.knows(stream).dropped == {}
    stream.remove()


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
    monkeypatch.setattr(live_parent, "ANSWER_SECONDS", 0.3)
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


def test_options_change_while_it_runs_and_the_decoder_stays(detector: LiveDetector, stream: Publisher) -> None:
    stream.configure(jpeg_config())
    before = set(decoders())
    send(detector, stream, jpegs(4))
    [own] = set(decoders()) - before
    revision = stream.spec.revision

    def follows() -> bool:
        return detector.redis.hexists(keys.plans(stream.id), str(stream.spec.revision))  # type: ignore[return-value]

    changes = {"min_score": 0.99, "region": (0.5, 0.5, 1.0, 1.0)}
    stream.publish(options=StreamOptions(**changes))  # type: ignore[arg-type]
    until(follows)
    send(detector, stream, jpegs(2, first=4))
    stream.publish(options=StreamOptions(max_fps=5))  # of 10
    until(follows)
    for packet in jpegs(10, first=6):
        stream.send(packet)
        time.sleep(0.02)
    until(settled(detector, stream))
    known = detector.knows(stream)
    assert (known.skipped, sum(known.dropped.values()) + known.analysed) == (5, 11)
    found = stream.results()
    assert [one.plan - revision for one in found[:6]] == [0] * 4 + [1] * 2
    assert {one.plan - revision for one in found[6:]} == {2}
    assert [bool(one.score) for one in found[:6]] == [True] * 4 + [False] * 2
    stored: dict[bytes, bytes] = detector.redis.hgetall(keys.plans(stream.id))  # type: ignore[assignment]
    plans = {int(number): decode(data, Plan) for number, data in stored.items()}
    assert plans[revision + 1].options == Options(**changes)  # type: ignore[arg-type]
    assert plans[revision + 2].options == Options(sample_fps=5)
    assert (plans[revision].model, plans[revision].precision, plans[revision].provider) == ("tiny", "fp32", "CPU")
    stream.publish(model="nanodet-g", options=StreamOptions())
    until(follows)
    send(detector, stream, jpegs(1, first=30), held=sum(detector.knows(stream).dropped.values()) + 5)
    until(settled(detector, stream))
    assert own in decoders()


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


def test_what_is_trimmed_or_overtaken_is_counted_and_all_adds_up(detector: LiveDetector) -> None:
    stream = detector.published(Publisher(detector.redis, "nanodet-g"))
    stream.configure(jpeg_config())
    send(detector, stream, jpegs(1))
    with detector.redis.pipeline() as pipe:  # at once: nobody reads in between
        stream.send_all(pipe, jpegs(30, first=1), kept=12)
    until(settled(detector, stream))
    known = detector.knows(stream)
    assert known.dropped["transport"] == 18
    assert known.dropped["behind"] + known.analysed == 13
    found = stream.results()
    assert found[-1].pts == 30 * 9000, "the newest is not left out"
    assert sum(sum(one.dropped.values()) for one in found) == sum(known.dropped.values())
    stream.remove()


def test_a_stream_that_is_stopped_or_deleted_leaves_nothing(detector: LiveDetector) -> None:
    before = set(decoders())
    stream = detector.published(Publisher(detector.redis, tiny_model.ID))
    stream.configure(jpeg_config())
    send(detector, stream, jpegs(2))
    stream.publish(wanted="stopped")
    until(lambda: not detector.redis.exists(keys.detector_presence(stream.id)))
    until(lambda: not set(decoders()) - before)
    stream.publish(wanted="running")
    until(lambda: len(stream.results()) == 3)  # the newest keyframe, again
    send(detector, stream, jpegs(2, first=2), held=-1)
    stream.remove()
    # Results stay for the last recording, for some time.
    until(lambda: all(detector.redis.ttl(key) > 0 for key in detector.redis.scan_iter(f"*{stream.id}*")))
    until(lambda: not set(decoders()) - before)


def test_results_are_kept_for_their_time(detector: LiveDetector, stream: Publisher) -> None:
    stream.configure(jpeg_config())
    send(detector, stream, jpegs(1))
    minutes = 15
    assert 0 < detector.redis.ttl(keys.results(stream.id)) <= minutes * 60 + 1  # type: ignore[operator]
    assert stream.results()[0].done >= stream.results()[0].arrival


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
