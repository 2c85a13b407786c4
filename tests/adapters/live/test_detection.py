"""Live detection with a real Redis, real decoders and real engines: what it finds, counts and survives."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.live import keys
from contracts.live.plans import LivePlan, revision_of
from contracts.live.results import tracks
from contracts.live.streams import StreamOptions
from contracts.models.catalogue import Catalogue, Model, bundled
from contracts.wire.messages import Options, Plan, decode
from detector.decode.parent import Budget, Decoders
from detector.engine import EngineConfig
from detector.engines.loaded import Engines
from tests.support.detecting import run
from tests.support.live.live_detector import LiveDetector, decoders, jpeg_config, jpegs, send, settled
from tests.support.live.live_packets import Publisher, footage, looped
from tests.support.models import tiny_model
from tests.support.videos.clips import Clip, chunks, clip, reordered
from tests.support.waiting import until


def recorded(
    made: Clip, model: Model, folder: Path, frames: int, options: Options, **shown: Any
) -> list[tuple[bytes, bytes, bytes]]:
    """(class ids, scores, boxes) of each of the first frames by the loop of recorded jobs."""
    plan = Plan(model.id, model.digest(), model.engine, "fp32", options)
    chunk = chunks(made, [0, frames], plan=plan, **shown)[0]
    decoders = Decoders(Budget(10**9, 10**12))
    try:
        engine = Engines(folder / "models", EngineConfig(threads=1)).get(model, "fp32")
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


def test_options_change_while_it_runs_and_the_decoder_stays(detector: LiveDetector, stream: Publisher) -> None:
    stream.configure(jpeg_config())
    before = set(decoders())
    send(detector, stream, jpegs(4))
    [own] = set(decoders()) - before
    revision = stream.spec.revision

    def plans() -> dict[int, LivePlan]:
        stored: Any = detector.redis.hgetall(keys.plans(stream.id))
        return {revision_of(int(number)): decode(data, LivePlan) for number, data in stored.items()}

    def follows() -> bool:
        return stream.spec.revision in plans()

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
    assert [revision_of(one.plan) - revision for one in found[:6]] == [0] * 4 + [1] * 2
    assert {revision_of(one.plan) - revision for one in found[6:]} == {2}
    assert [bool(one.score) for one in found[:6]] == [True] * 4 + [False] * 2
    assert [tracks(one) for one in found[2:4]] == [(1, 2, 3, 4, 5)] * 2
    assert min(track for one in found[6:] for track in tracks(one) if track) == 6, "of other options"
    assert plans()[revision + 1].options == Options(**changes)  # type: ignore[arg-type]
    assert plans()[revision + 2].options == Options(sample_fps=5)
    first = plans()[revision]
    assert (first.model, first.precision, first.provider) == ("tiny", "fp32", "CPU")
    assert first.labels == ("blue", "green", "red")
    stream.publish(model="nanodet-g", options=StreamOptions())
    until(follows)
    send(detector, stream, jpegs(1, first=30), held=sum(detector.knows(stream).dropped.values()) + 5)
    until(settled(detector, stream))
    assert own in decoders()


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
    assert detector.redis.ttl(keys.tracker(stream.id)) > 0, "also where the stream was just deleted"
    assert stream.results()[0].done >= stream.results()[0].arrival
