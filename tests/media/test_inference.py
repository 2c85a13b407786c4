"""The loop and the task around it: what is computed, and what becomes of a chunk that goes wrong."""

import dataclasses
import hashlib
import io
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import openvino as ov
import pytest
from celery.exceptions import Reject, Retry, SoftTimeLimitExceeded
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.errors import CorruptData, EngineUnavailable, ModelBroken, StorageUnavailable, StoreUnavailable
from contracts.models import catalogue
from contracts.models.catalogue import Catalogue, Model
from contracts.results import chunk_codec
from contracts.results.codec import SCORE_SCALE, Block, concat, encode_block, mask_column
from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.wire.messages import Chunk, ChunkFailure, Clock, to_json
from contracts.wire.tasks import DETECT_CHUNK
from contracts.workers.celery_app import create_celery
from detector import inference, masks_rle, tasks
from detector.chunk_attempt import AFTER_ERROR_SECONDS, HAND_BACK_SECONDS, MAX_REPEATS, perform
from detector.context import Services, context
from detector.cost import CpuTime
from detector.decode.crop import area
from detector.decode.frames import ToImage, decode
from detector.decode.parent import Budget, Decoders
from detector.engine import Engine, EngineConfig
from detector.engines.loaded import Engines
from detector.heads import nanodet
from detector.inference import Cancelled
from detector.tensors import Image, Outputs
from detector.view import view
from media.orientation import Orientation
from tests.support.deployments.service import ROOT
from tests.support.detecting import run
from tests.support.fakes import MemoryResultStore, MemoryStorage
from tests.support.models.fake_engine import FakeEngine, answer, write_model
from tests.support.videos.clips import JOB, VIDEO_KEY, Clip, chunks, clip, packets_of, plan

MODEL = catalogue.bundled("nanodet-g")
VIEW = view(MODEL, (160, 96))
DECODERS = Decoders(Budget(10**9, 10**12))


class FakeEngines:
    """Fake engines by precision. `trouble` is raised by each of their runs, after some images."""

    def __init__(self, folder: Path) -> None:
        self._path = write_model(folder / "fake.json", MODEL)
        self.trouble: BaseException | None = None
        self.runs = 0

    def get(self, model: Model, precision: str) -> Engine:
        engines = self

        class Troubled(FakeEngine):
            def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
                engines.runs += 1
                for number, outputs in enumerate(super().infer(images)):
                    if engines.trouble is not None and number == 3:
                        raise engines.trouble
                    yield outputs

        engine = Troubled()
        digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
        engine.setup(replace(model, sha256=digest), self._path, precision)
        return engine


@pytest.fixture(scope="module", autouse=True)
def _fork_server() -> Iterator[None]:
    yield
    DECODERS.close()


@pytest.fixture(scope="module")
def made() -> Clip:
    return clip(frames=36)


@pytest.fixture
def chunk(made: Clip) -> Chunk:
    return chunks(made, [0, 12, 24])[1]


@pytest.fixture
def engines(tmp_path: Path) -> FakeEngines:
    return FakeEngines(tmp_path)


@pytest.fixture
def services(made: Clip, engines: FakeEngines) -> Services:
    storage = MemoryStorage()
    storage.objects[VIDEO_KEY] = made.content
    return Services(Catalogue(Path("none")), storage, MemoryResultStore(60), engines, DECODERS, "worker-1", 15)


def stored(services: Services, index: int = 1) -> Block | ChunkFailure | None:
    data = services.store.get_chunk(JOB, index)
    return None if data is None else chunk_codec.decode(data)


def failure(services: Services) -> ChunkFailure:
    result = stored(services)
    assert isinstance(result, ChunkFailure)
    return result


def through(chunk: Chunk, made: Clip, engine: Engine, content: bytes = b"") -> inference.Outcome:
    source = clip_source(content or made.content)
    return run(chunk, source, DECODERS, engine, MODEL, lambda frames, seconds: None, lambda: False)


def clip_source(content: bytes) -> Any:
    return Clip(content, (), 0, 0).source()


def test_every_frame_has_the_detections_of_its_own_image(made: Clip, engines: FakeEngines) -> None:
    to_image = ToImage(Orientation(), VIEW, MODEL.channels)
    for chunk in chunks(made, [0, 12, 24]):
        block = through(chunk, made, engines.get(MODEL, "auto")).block
        assert block.frame.tolist() == list(range(chunk.first_frame, chunk.first_frame + 12))
        assert block.time.tolist() == list(chunk.times)
        assert block.count.tolist() == [1] * 12
        frames = [to_image(frame) for _, frame in decode(made.source(), chunk)]
        assert block.class_id.tolist() == [answer(image, 3549, 80)[1] for image in frames]


def test_labels_and_min_score_of_the_plan_hold(made: Clip, chunk: Chunk, engines: FakeEngines) -> None:
    engine = engines.get(MODEL, "auto")
    whole = through(chunk, made, engine).block
    label = MODEL.labels[int(whole.class_id[0])]
    some = through(replace(chunk, plan=plan(labels=(label,))), made, engine).block
    assert set(some.class_id.tolist()) == {int(whole.class_id[0])}
    assert len(some) == 12
    none = through(replace(chunk, plan=plan(min_score=0.95)), made, engine).block
    assert (len(none), none.count.sum()) == (12, 0)


def test_frames_that_are_missing_leave_the_numbers_of_the_others_right(
    made: Clip, chunk: Chunk, engines: FakeEngines
) -> None:
    first, second, *rest = chunk.times
    packets = packets_of(chunk)
    lost = (packets[0], 999, *packets[1:])  # no frame has the second packet
    odd = replace(chunk, times=(first, first + 1, second, *rest), packets=lost)
    outcome = through(odd, made, engines.get(MODEL, "auto"))
    assert outcome.missing == (1,)
    assert outcome.block.frame.tolist() == [12, *range(14, 25)]
    assert outcome.block.time.tolist() == list(chunk.times)


def test_nothing_that_can_be_decoded_is_a_block_without_frames(made: Clip, chunk: Chunk, engines: FakeEngines) -> None:
    late = replace(chunk, packets=tuple(packet + 10**6 for packet in packets_of(chunk)))
    outcome = through(late, made, engines.get(MODEL, "auto"))
    assert len(outcome.block) == 0
    assert outcome.missing == tuple(range(len(late.times)))


def test_progress_is_told_and_stopping_is_asked_now_and_then(
    made: Clip, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = chunks(made, [0])[0]
    told: list[int] = []

    def on_progress(frames: int, _: float) -> None:
        told.append(frames)

    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    run(whole, made.source(), DECODERS, engines.get(MODEL, "auto"), MODEL, on_progress, lambda: False)
    assert told == sorted(told)
    assert told[-1] == 36
    told.clear()
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 60.0)
    run(whole, made.source(), DECODERS, engines.get(MODEL, "auto"), MODEL, on_progress, lambda: False)
    assert told == []


def test_stopping_ends_the_loop(made: Clip, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    asked: Iterator[bool] = iter([False] * 10 + [True])
    with pytest.raises(Cancelled):
        run(
            chunks(made, [0])[0],
            made.source(),
            DECODERS,
            engines.get(MODEL, "auto"),
            MODEL,
            lambda *_: None,
            lambda: next(asked),
        )


def test_the_loop_with_openvino_equals_plain_calls_one_after_the_other(made: Clip) -> None:
    engine = Engines(ROOT / "detector/models", EngineConfig()).get(MODEL, "fp32")
    whole = chunks(made, [0], plan=plan("fp32", min_score=0.02))[0]
    block = through(whole, made, engine).block
    assert block.count.sum() > 36, "nothing is seen: the clip proves nothing"
    offsets = block.offsets()
    for number, found in enumerate(plain_calls(made, 0.02)):
        score = block.score[offsets[number] : offsets[number + 1]] / SCORE_SCALE
        # Scores at the threshold or equal overlaps may fall either way; the best do not.
        assert abs(len(score) - len(found)) <= 2
        best = min(len(score), len(found)) - 2
        assert np.abs(score[:best] - found[:best]).max(initial=0) < 2e-4


def plain_calls(made: Clip, min_score: float) -> Iterator[NDArray[np.float64]]:
    """The scores of each frame, best first: numpy normalises, the model is called synchronously."""
    core = ov.Core()
    graph = core.read_model(ROOT / "detector/models" / MODEL.file)
    graph.reshape([1, 3, 416, 416])
    compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    mean, std = np.array(MODEL.mean, np.float32), np.array(MODEL.std, np.float32)
    with av.open(made.source(), "r") as container:
        for frame in container.decode(video=0):
            image = frame.to_ndarray(width=416, height=416, format="bgr24", interpolation="BILINEAR")
            outputs = compiled(np.ascontiguousarray(((image - mean) / std).transpose(2, 0, 1)[None]))
            raw = {name: np.array(outputs[name][0]) for name in ("scores", "distances")}
            yield nanodet.decode(raw, MODEL, view(MODEL, (made.width, made.height)), min_score).score


def test_the_chunks_together_are_the_whole_bit_for_bit(made: Clip) -> None:
    engine = Engines(ROOT / "detector/models", EngineConfig()).get(MODEL, "auto")
    shape: dict[str, Any] = {"rotation": 90, "width": made.height, "height": made.width}
    results = []
    for starts in ([0], [0, 5, 6, 30]):
        parts = chunks(made, starts, plan=plan(min_score=0.02), **shape)
        assert len(parts) == len(starts)
        results.append(encode_block(concat(through(part, made, engine).block for part in parts)))
    assert len(set(results)) == 1


def test_a_chunk_is_stored_once_with_its_progress(services: Services, chunk: Chunk, engines: FakeEngines) -> None:
    assert perform(chunk, services, 0) is None
    block = stored(services)
    assert isinstance(block, Block)
    assert block.frame.tolist() == list(range(12, 24))
    progress = services.store.progress(JOB)
    assert progress.frames == 12
    assert progress.seconds > 0
    assert services.store.runtime(JOB) == "bf16 none"
    assert not services.store.leased(JOB, 1)
    assert perform(chunk, services, 0) is None
    assert engines.runs == 1
    assert services.store.attempts(JOB) == {1: 1}


def test_of_a_cancelled_job_nothing_is_computed_or_stored(
    services: Services, chunk: Chunk, engines: FakeEngines
) -> None:
    services.store.request_cancel(JOB)
    assert perform(chunk, services, 0) is None
    assert (stored(services), engines.runs) == (None, 0)


def test_a_job_that_is_cancelled_meanwhile_stores_nothing(
    services: Services, chunk: Chunk, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, False, True])
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(services.store, "cancelled", lambda _: next(asked))
    assert perform(chunk, services, 0) is None
    assert (stored(services), engines.runs) == (None, 1)
    assert not services.store.leased(JOB, 1)


def test_a_chunk_that_another_detector_has_in_hand_is_left_to_it(
    services: Services, chunk: Chunk, engines: FakeEngines
) -> None:
    services.store.take_lease(JOB, 1, "worker-2", 60)
    assert perform(chunk, services, 0) == HAND_BACK_SECONDS
    assert (engines.runs, services.store.attempts(JOB)) == (0, {})
    assert not services.store.take_lease(JOB, 1, "worker-3", 60), "the other's lease was given away"


def test_a_detector_that_lost_its_lease_stops(
    services: Services, chunk: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    begin = services.store.begin_attempt

    def taken_over(job_id: str, index: int) -> int:
        services.store.release_lease(job_id, index, services.worker)
        services.store.take_lease(job_id, index, "worker-2", 60)
        return begin(job_id, index)

    monkeypatch.setattr(services.store, "begin_attempt", taken_over)
    assert perform(chunk, services, 0) == HAND_BACK_SECONDS
    assert stored(services) is None
    assert services.store.leased(JOB, 1)


def test_an_error_is_tried_again_and_recorded_at_last(services: Services, chunk: Chunk, engines: FakeEngines) -> None:
    engines.trouble = RuntimeError("out of luck")
    assert [perform(chunk, services, n) for n in range(3)] == [AFTER_ERROR_SECONDS, AFTER_ERROR_SECONDS, None]
    assert engines.runs == 3
    assert failure(services).code == "internal"
    assert "out of luck" in failure(services).detail
    assert services.store.progress(JOB).frames == 0


def test_an_error_that_passes_leaves_no_trace(services: Services, chunk: Chunk, engines: FakeEngines) -> None:
    engines.trouble = MemoryError()
    assert perform(chunk, services, 0) == AFTER_ERROR_SECONDS
    engines.trouble = None
    assert perform(chunk, services, 1) is None
    assert isinstance(stored(services), Block)


def test_cost_is_that_of_this_process_and_the_decoder_in_all_attempts(
    services: Services, chunk: Chunk, engines: FakeEngines
) -> None:
    """A clock that moves on by 10 s whenever it is read, on a slow machine more often; the rest is the decoder's.
    What passed before an attempt is not its cost."""
    read: list[int] = []

    def clock() -> int:
        read.append(10 * len(read))
        return read[-1]

    services = dataclasses.replace(services, cpu=CpuTime(clock))
    engines.trouble = MemoryError()
    assert perform(chunk, services, 0) == AFTER_ERROR_SECONDS
    failed = services.store.progress(JOB).cost
    assert (10 <= read[-1] - 10 < failed.cpu_seconds < read[-1], failed.inferred) == (True, 0)
    first = read[-1]
    engines.trouble = None
    assert perform(chunk, services, 1) is None
    both = services.store.progress(JOB).cost
    assert (first <= read[-1] - 20 < both.cpu_seconds < read[-1] - 10, both.inferred) == (True, 12)


def test_an_engine_that_cannot_be_had_uses_up_tries_too(
    services: Services, chunk: Chunk, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any) -> Engine:
        raise EngineUnavailable("no device")

    monkeypatch.setattr(engines, "get", unavailable)
    assert [perform(chunk, services, n) for n in range(3)] == [AFTER_ERROR_SECONDS, AFTER_ERROR_SECONDS, None]
    assert failure(services).code == "engine_unavailable"


def test_a_chunk_that_kills_its_detector_is_given_up(services: Services, chunk: Chunk, engines: FakeEngines) -> None:
    for _ in range(3):
        services.store.begin_attempt(JOB, 1)  # three that never came to an end
    assert perform(chunk, services, 0) is None
    assert failure(services).code == "poison"
    assert engines.runs == 0


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (SoftTimeLimitExceeded(), "timeout"),
        (ModelBroken("rotten"), "model_broken"),
        (CorruptData("rotten"), "corrupt_data"),
    ],
)
def test_what_no_repeat_cures_is_recorded_at_once(
    services: Services, chunk: Chunk, engines: FakeEngines, trouble: Exception, code: str
) -> None:
    engines.trouble = trouble
    assert perform(chunk, services, 0) is None
    assert failure(services).code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda services: services.storage.delete(VIDEO_KEY), "not_found"),
        (lambda services: services.storage.objects.update({VIDEO_KEY: b"no video"}), "decode_failed"),
    ],
)
def test_a_video_that_is_gone_or_broken_is_recorded_at_once(
    services: Services, chunk: Chunk, change: Callable[[Services], None], code: str
) -> None:
    change(services)
    assert perform(chunk, services, 0) is None
    assert failure(services).code == code


class Unsteady(MemoryStorage):
    """Its reads fail from one on; it counts them."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.objects[VIDEO_KEY] = content
        self.good, self.reads = 10**9, 0

    def open(self, key: str) -> BinaryIO:
        storage = self

        class Source(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                storage.reads += 1
                if storage.reads > storage.good:
                    raise StorageUnavailable("the line broke")
                return super().read(size)

        return Source(self.objects[key])


# One whose frames have times, and one without; in the long tier others too.
@pytest.mark.parametrize(
    "container", ["mp4", "avi", *(pytest.param(name, marks=pytest.mark.long) for name in ("matroska", "mpegts"))]
)
def test_a_line_that_breaks_costs_no_frame_and_no_try(container: str, services: Services, engines: FakeEngines) -> None:
    """Wherever it breaks, the chunk is handed back; once the line is mended, all its frames are there."""
    clock: Clock = "dts" if container == "avi" else "pts"
    noise = (np.random.default_rng(n).integers(0, 256, (360, 640, 3), np.uint8) for n in range(60))
    long = clip(container, size=(640, 360), images=noise)
    chunk = chunks(long, [0, 24, 48], clock)[1]
    storage = Unsteady(long.content)
    services = dataclasses.replace(services, storage=storage)
    assert perform(chunk, services, 0) is None
    whole, reads = stored(services), storage.reads
    assert isinstance(whole, Block)
    assert len(whole) == 24
    assert reads >= 3, "the clip is read at once: it proves nothing"
    services = dataclasses.replace(services, store=MemoryResultStore(60))
    for storage.good in range(reads):
        storage.reads = 0
        assert perform(chunk, services, 50) == HAND_BACK_SECONDS
        assert stored(services) is None
        assert services.store.attempts(JOB) == {}
        assert not services.store.leased(JOB, 1)
    storage.good = 10**9
    assert perform(chunk, services, 50) is None
    again = stored(services)
    assert isinstance(again, Block)
    assert encode_block(again) == encode_block(whole)


def test_a_storage_that_is_gone_for_good_ends_the_chunk(services: Services, chunk: Chunk, made: Clip) -> None:
    storage = Unsteady(made.content)
    storage.good = 0
    services = dataclasses.replace(services, storage=storage)
    assert perform(chunk, services, MAX_REPEATS) is None
    assert failure(services) == ChunkFailure("storage_unavailable", "the line broke")


def test_a_disk_that_breaks_is_not_taken_for_a_broken_video(services: Services, chunk: Chunk, tmp_path: Path) -> None:
    path = tmp_path / VIDEO_KEY
    path.parent.mkdir(parents=True)
    path.symlink_to("/proc/self/mem")  # reading at its start is an input/output error
    assert perform(chunk, dataclasses.replace(services, storage=LocalStorage(tmp_path)), 0) == HAND_BACK_SECONDS


def test_a_plan_of_another_model_file_is_not_computed_with_this_one(services: Services, chunk: Chunk) -> None:
    other = replace(chunk, plan=replace(chunk.plan, model_digest="0" * 64))
    assert perform(other, services, 0) is None
    assert failure(services).code == "model_broken"
    unknown = replace(chunk, index=2, plan=replace(chunk.plan, model="gone"))
    assert perform(unknown, services, 0) is None
    assert isinstance(stored(services, 2), ChunkFailure)


def test_the_precision_that_the_first_detector_fixed_holds(
    services: Services, chunk: Chunk, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.fix_runtime(JOB, "fp32 none")
    used: list[str] = []
    get = engines.get

    def noted(model: Model, precision: str) -> Engine:
        used.append(precision)
        return get(model, precision)

    monkeypatch.setattr(engines, "get", noted)
    assert perform(chunk, services, 0) is None
    assert used == ["auto", "fp32"]


def test_a_precision_that_is_not_to_be_had_here_is_handed_back_uncounted(services: Services, chunk: Chunk) -> None:
    services.store.fix_runtime(JOB, "f16 none")
    for repeats in (0, 1, 100):
        assert perform(chunk, services, repeats) == HAND_BACK_SECONDS
    assert services.store.attempts(JOB) == {}
    assert not services.store.leased(JOB, 1)
    assert perform(chunk, services, MAX_REPEATS) is None
    assert failure(services).code == "precision_unavailable"


def test_what_another_part_of_the_engine_began_is_handed_back(services: Services, chunk: Chunk) -> None:
    services.store.fix_runtime(JOB, "bf16 abacus")
    assert perform(chunk, services, 0) == HAND_BACK_SECONDS
    assert services.store.attempts(JOB) == {}


def test_without_the_store_nothing_is_settled(services: Services, chunk: Chunk, engines: FakeEngines) -> None:
    engines.trouble = StoreUnavailable("gone")
    with pytest.raises(StoreUnavailable):
        perform(chunk, services, 0)
    assert stored(services) is None


@pytest.fixture
def task(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The task in an application whose broker is in memory, as a worker calls it."""
    monkeypatch.setattr(context, "_value", services)
    app = create_celery(Settings(broker_url="memory://", result_store_url="cache+memory://"))
    app.finalize()
    found = app.tasks[DETECT_CHUNK]
    found.push_request(id="t", retries=0, called_directly=False, delivery_info={})
    yield found
    found.pop_request()


def test_the_task_returns_its_index_alone(task: Any, chunk: Chunk, services: Services) -> None:
    assert task.run(to_json(chunk)) == {"index": 1}
    assert isinstance(stored(services), Block)


def test_the_task_returns_its_index_for_a_failure_too(task: Any, chunk: Chunk, services: Services) -> None:
    services.storage.delete(VIDEO_KEY)
    assert task.run(to_json(chunk)) == {"index": 1}
    assert failure(services).code == "not_found"


def test_the_task_repeats_without_a_limit_of_celerys(task: Any, chunk: Chunk, services: Services) -> None:
    services.store.take_lease(JOB, 1, "worker-2", 60)
    task.request.retries = 50
    task.request.args = (to_json(chunk),)
    with pytest.raises(Retry):
        task.run(to_json(chunk))
    with task.app.connection() as connection:
        message = connection.SimpleQueue("detector").get(block=False)
    assert message.headers["retries"] == 51


def test_the_message_stays_in_its_queue_when_the_store_is_gone(
    task: Any, chunk: Chunk, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0)
    engines.trouble = StoreUnavailable("gone")
    with pytest.raises(Reject) as caught:
        task.run(to_json(chunk))
    assert caught.value.requeue


def test_the_task_sees_whether_messages_wait(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not tasks._others_wait(task, "detector.other")
    with task.app.connection() as connection:
        connection.SimpleQueue("detector.other").put("one")
        assert tasks._others_wait(task, "detector.other")
        connection.SimpleQueue("detector.other").get(block=False).ack()
    assert not tasks._others_wait(task, "detector.other")
    monkeypatch.setattr(type(task.app.pool), "acquire", lambda *_, **__: 1 / 0)
    assert not tasks._others_wait(task, "detector.other"), "a broker that is away ends no run"


def test_a_detector_loads_each_model_and_precision_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = Engines(ROOT / "detector/models", EngineConfig())
    first = engines.get(MODEL, "auto")
    assert engines.get(MODEL, "auto") is first
    assert engines.get(MODEL, first.describe().precision) is first
    with pytest.raises(ModelBroken, match="MODELS_DIR"):
        Engines(Path("/nowhere"), EngineConfig()).get(replace(MODEL, id="other"), "auto")


def test_a_detector_says_what_it_has_loaded() -> None:
    said: list[list[str]] = []
    engines = Engines(Path("/nowhere"), EngineConfig(), lambda infos: said.append([model.id for model, _ in infos]))
    engines.get(MODEL, "fp32")
    engines.get(MODEL, "fp32")
    assert said == [["nanodet-g"]]


class Outliner(FakeEngine):
    """Gives one object as large as each image, with a mask of stripes where one is asked for."""

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        for image in images:
            height, width = image.shape[:2]
            outputs: dict[str, Any] = {
                "boxes": np.array([[0, 0, width, height]], np.float32),
                "scores": np.array([0.5], np.float32),
                "labels": np.array([1], np.float32),
            }
            if masks:
                outputs["masks"] = mask_column([masks_rle.encode(stripes(height, width), (width, height))])
            yield outputs


def stripes(height: int, width: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width]
    return np.asarray((y + 3 * x) % 7 < 3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_masks_are_of_the_whole_displayed_frame_and_only_where_the_job_asks_for_them(
    made: Clip, chunk: Chunk, rotation: int
) -> None:
    model = replace(MODEL, head="boxes", input_size=None)
    width, height = (made.width, made.height) if rotation % 180 == 0 else (made.height, made.width)

    def found(**changes: Any) -> Block:
        options = replace(chunk.plan.options, **changes)
        asked = replace(chunk, rotation=rotation, width=width, height=height, plan=replace(chunk.plan, options=options))
        return run(asked, clip_source(made.content), DECODERS, Outliner(), model, lambda *_: None, lambda: False).block

    assert found().mask is None
    block = found(masks=True, region=(0.25, 0.5, 1.0, 0.75))
    place = area((0.25, 0.5, 1.0, 0.75), width, height)
    expected = np.zeros((height, width), bool)
    expected[place.top : place.top + place.height, place.left : place.left + place.width] = stripes(
        place.height, place.width
    )
    assert block.mask is not None
    assert len(block.mask) == len(block) == 12
    assert all(np.array_equal(masks_rle.decode(text, (width, height)), expected) for text in block.mask)
    sides = [place.left, place.top, place.left + place.width, place.top + place.height]
    assert block.box.tolist() == [[100 * side for side in sides]] * 12
