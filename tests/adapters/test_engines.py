"""The conformance suite of engines: add a new one to BENCHES."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
from msgspec.structs import replace

from contracts.errors import EngineUnavailable, ModelBroken, PrecisionUnavailable
from contracts.models import catalogue
from contracts.models.catalogue import Model
from detector import heads
from detector.engine import PRECISIONS, Engine, EngineConfig
from detector.engines import registry
from detector.engines.onnxruntime import OnnxRuntimeEngine
from detector.engines.openvino import OpenVinoEngine
from detector.models_command import arguments
from detector.tensors import Image, Outputs
from tests.support.deployments.service import ROOT
from tests.support.models import torch_models
from tests.support.models.fake_engine import FakeEngine, write_model
from tests.support.models.torch_models import MASK, SMALL_FASTER, Kind

MODEL = catalogue.bundled("nanodet-g")
MODEL_FILE = ROOT / "detector/models" / MODEL.file


@dataclass(frozen=True)
class Bench:
    """engine: as describe names it. make: creates an engine, without a model. file: the model for it.
    incomplete: writes a model that lacks what `lacks` names. has: precisions of this machine.
    model: the entry, all but the hash. unfit: how a file is refused for a label less.
    size: (width, height) of images for it, count: how many are computed. suffix: of its files."""

    engine: str
    make: Callable[[], Engine]
    file: Callable[[Path], Path]
    incomplete: Callable[[Path], Path]
    has: Callable[[], set[str]]
    lacks: str = "'distances'"
    unfit: str = r"'scores' has shape \(3549, 80\)"
    model: Model = MODEL
    size: tuple[int, int] = (416, 416)
    count: int = 11
    suffix: str = ".onnx"

    def hashed(self, path: Path) -> Model:
        """The entry with the hash of that file."""
        return replace(self.model, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def onnx_without_distances(folder: Path) -> Path:
    whole = onnx.load(str(MODEL_FILE))
    del whole.graph.output[[one.name for one in whole.graph.output].index("distances")]
    onnx.save(whole, str(folder / "part.onnx"))
    return folder / "part.onnx"


def openvino_precisions() -> set[str]:
    names = {"FP32": "fp32", "BF16": "bf16", "FP16": "f16"}
    return {names[name] for name in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") if name in names}


def documented_engine() -> Engine:
    """The engine that docs/adding-an-engine.md shows."""
    text = (ROOT / "docs/adding-an-engine.md").read_text()
    (code,) = re.findall(r"<!-- executed: engine -->\n```python\n(.*?)```", text, re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102
    made: Engine = module["PlainEngine"](EngineConfig())
    return made


def torch_bench(kind: Kind) -> Bench:
    return Bench(
        kind.engine,
        lambda: registry.create(kind.engine, EngineConfig()),
        lambda folder: torch_models.write(kind, folder / "whole.pth"),
        lambda folder: torch_models.write(kind, folder / "part.pth", without="rpn"),
        lambda: {"fp32"},
        lacks=r"lacks \S*rpn",
        unfit="size mismatch for roi_heads",
        model=kind.model(),
        size=(120, 90),
        count=5,
        suffix=".pth",
    )


BENCHES = (
    Bench(
        "fake",
        FakeEngine,
        lambda folder: write_model(folder / "fake.json", MODEL),
        lambda folder: write_model(folder / "part.json", MODEL, without="distances"),
        lambda: set(FakeEngine.PRECISIONS),
    ),
    Bench(
        "onnxruntime",
        lambda: OnnxRuntimeEngine(EngineConfig()),
        lambda _: MODEL_FILE,
        onnx_without_distances,
        lambda: {"fp32"},
    ),
    Bench(
        "openvino",
        lambda: OpenVinoEngine(EngineConfig()),
        lambda _: MODEL_FILE,
        onnx_without_distances,
        openvino_precisions,
    ),
    Bench(
        "plain",
        documented_engine,
        lambda _: MODEL_FILE,
        onnx_without_distances,
        lambda: {"fp32"},
    ),
)
# These need the environment of tools/install-detectron2.
TORCH_BENCHES = tuple(torch_bench(kind) for kind in (MASK, SMALL_FASTER))


def hashed(path: Path) -> Model:
    """The model that comes along, with the hash of that file."""
    return replace(MODEL, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(
    scope="module",
    params=[*BENCHES, *(pytest.param(bench, marks=pytest.mark.detectron2) for bench in TORCH_BENCHES)],
    ids=lambda bench: bench.engine,
)
def bench(request: pytest.FixtureRequest) -> Bench:
    chosen: Bench = request.param
    return chosen


@pytest.fixture(scope="module")
def engine(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = bench.file(tmp_path_factory.mktemp("model"))
    made = bench.make()
    made.setup(bench.hashed(path), path, "auto")
    return made


@pytest.fixture(scope="module")
def images(bench: Bench) -> list[Image]:
    width, height = bench.size
    return list(np.random.default_rng(3).integers(0, 256, (bench.count, height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def one_by_one(engine: Engine, images: list[Image]) -> list[Outputs]:
    return [outputs for image in images for outputs in engine.infer([image])]


def assert_same(found: list[Outputs], expected: list[Outputs]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[name], b[name]) for name in a)


def test_images_differ_in_their_outputs(one_by_one: list[Outputs]) -> None:
    # Else the tests below would prove no order.
    assert len({outputs["scores"].tobytes() for outputs in one_by_one}) == len(one_by_one)


def test_many_images_equal_one_by_one_in_order_and_bit_for_bit(
    engine: Engine, images: list[Image], one_by_one: list[Outputs]
) -> None:
    assert_same(list(engine.infer(images)), one_by_one)


def test_outputs_are_float32_of_the_shapes_that_the_head_reads(bench: Bench, one_by_one: list[Outputs]) -> None:
    shapes = heads.get(bench.model).shapes(bench.model)
    for outputs in one_by_one:
        assert outputs.keys() == shapes.keys()
        for name, values in outputs.items():
            assert values.dtype == np.float32
            assert all(want in (None, has) for want, has in zip(shapes[name], values.shape, strict=True))


def test_no_image_gives_nothing(engine: Engine) -> None:
    assert list(engine.infer([])) == []


def test_images_are_pulled_as_they_are_needed(engine: Engine, images: list[Image]) -> None:
    pulled = 0

    def endless() -> Iterator[Image]:
        nonlocal pulled
        while True:
            pulled += 1
            yield images[pulled % len(images)]

    results = engine.infer(endless())
    assert pulled == 0
    next(results)
    results.close()
    assert 0 < pulled < 200


def test_an_image_may_be_written_over_once_the_next_is_pulled(
    engine: Engine, images: list[Image], one_by_one: list[Outputs]
) -> None:
    def one_buffer() -> Iterator[Image]:
        buffer = np.empty_like(images[0])
        for image in images:
            buffer[:] = image
            yield buffer
            buffer[:] = 0

    assert_same(list(engine.infer(one_buffer())), one_by_one)


def test_an_abandoned_generator_leaves_the_engine_usable(
    engine: Engine, images: list[Image], one_by_one: list[Outputs]
) -> None:
    for taken in range(4):
        results = engine.infer(images)
        for _ in range(taken):
            next(results)
        results.close()
        assert_same(list(engine.infer(images[:3])), one_by_one[:3])


def test_an_error_of_the_images_comes_through_and_leaves_the_engine_usable(
    engine: Engine, images: list[Image], one_by_one: list[Outputs]
) -> None:
    def broken() -> Iterator[Image]:
        yield from images[:2]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(engine.infer(broken()))
    assert_same(list(engine.infer(images[:3])), one_by_one[:3])


def test_describe_says_what_computes(bench: Bench, engine: Engine) -> None:
    info = engine.describe()
    assert info.engine == bench.engine
    assert info.version
    assert info.device
    assert info.precision == ("bf16" if "bf16" in bench.has() else "fp32")


def test_every_precision_that_there_is_can_be_asked_for_by_name(bench: Bench, tmp_path: Path) -> None:
    path = bench.file(tmp_path)
    for precision in bench.has():
        made = bench.make()
        made.setup(bench.hashed(path), path, precision)
        assert made.describe().precision == precision


def test_a_precision_that_is_unknown_or_not_there_is_refused(bench: Bench, tmp_path: Path) -> None:
    path = bench.file(tmp_path)
    for precision in ["int3", *(set(PRECISIONS) - bench.has())]:
        with pytest.raises(PrecisionUnavailable, match=precision):
            bench.make().setup(bench.hashed(path), path, precision)


def test_a_missing_file_is_refused_with_its_place(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ModelBroken, match=r"gone\.model.*MODELS_DIR"):
        bench.make().setup(replace(bench.model, sha256="0" * 64), tmp_path / "gone.model", "auto")


def test_a_file_with_another_hash_or_none_in_the_catalogue_is_refused(bench: Bench, tmp_path: Path) -> None:
    path = bench.file(tmp_path)
    for sha256, reason in (("0" * 64, "was changed"), ("", "no sha256")):
        with pytest.raises(ModelBroken, match=reason):
            bench.make().setup(replace(bench.model, sha256=sha256), path, "auto")


@pytest.mark.parametrize("content", [b"", b"not a model", None], ids=["empty", "text", "cut short"])
def test_a_file_that_is_no_model_is_refused(bench: Bench, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / f"broken{bench.suffix}"
    path.write_bytes(cut_short(bench.file(tmp_path)) if content is None else content)
    with pytest.raises(ModelBroken, match=bench.model.id):
        bench.make().setup(bench.hashed(path), path, "auto")


def cut_short(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: min(100_000, len(content) // 2)]


def test_a_model_with_other_outputs_than_its_head_reads_is_refused(bench: Bench, tmp_path: Path) -> None:
    path = bench.incomplete(tmp_path)
    with pytest.raises(ModelBroken, match=bench.lacks):
        bench.make().setup(bench.hashed(path), path, "auto")
    path = bench.file(tmp_path)
    with pytest.raises(ModelBroken, match=bench.unfit):
        bench.make().setup(replace(bench.hashed(path), labels=bench.model.labels[:-1]), path, "auto")


@pytest.fixture(scope="module")
def noise() -> list[Image]:
    return list(np.random.default_rng(3).integers(0, 256, (11, 416, 416, 3), np.uint8))


def test_openvino_equals_a_plain_synchronous_call_on_each_frame(noise: list[Image]) -> None:
    engine = OpenVinoEngine(EngineConfig(threads=1))
    engine.setup(hashed(MODEL_FILE), MODEL_FILE, "fp32")
    core = ov.Core()
    graph = core.read_model(MODEL_FILE)
    graph.reshape([1, 3, 416, 416])
    plain = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for image, outputs in zip(noise, engine.infer(noise), strict=True):
        normal = (image.astype(np.float32) - np.array(MODEL.mean, np.float32)) / np.array(MODEL.std, np.float32)
        expected = plain(np.ascontiguousarray(normal.transpose(2, 0, 1)[None]))
        assert np.abs(outputs["scores"] - expected["scores"][0]).max() < 1e-4
        assert np.abs(outputs["distances"] - expected["distances"][0]).max() < 1e-3


def test_openvino_gives_the_same_bits_with_any_number_of_threads(noise: list[Image]) -> None:
    results = []
    for threads in (1, 2):
        engine = OpenVinoEngine(EngineConfig(threads=threads))
        engine.setup(hashed(MODEL_FILE), MODEL_FILE, "auto")
        results.append(list(engine.infer(noise[:4])))
    assert_same(results[0], results[1])


def test_openvino_pulls_an_image_only_when_it_can_be_computed_where_the_newest_are_wanted(noise: list[Image]) -> None:
    pulled = {True: 0, False: 0}

    def counted(ahead: bool) -> Iterator[Image]:
        for image in noise:
            pulled[ahead] += 1
            yield image

    results, in_progress = {}, {}
    for ahead in (True, False):
        engine = OpenVinoEngine(EngineConfig(ahead=ahead))
        engine.setup(hashed(MODEL_FILE), MODEL_FILE, "auto")
        generator = engine.infer(counted(ahead))
        first = next(generator)
        in_progress[ahead] = pulled[ahead]
        results[ahead] = [first, *generator]
    assert_same(results[False], results[True])
    assert in_progress[False] == in_progress[True] - 2, "one that waits in the ring, and one that waits for it"


def test_openvino_refuses_an_image_of_another_size() -> None:
    engine = OpenVinoEngine(EngineConfig())
    engine.setup(hashed(MODEL_FILE), MODEL_FILE, "auto")
    with pytest.raises(ValueError, match="shape"):
        list(engine.infer([np.zeros((416, 416, 1), np.uint8)]))


def test_an_unknown_device_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(EngineUnavailable, match="CPU"):
        OpenVinoEngine(EngineConfig(device="ABACUS")).setup(hashed(MODEL_FILE), MODEL_FILE, "auto")


def test_the_registry_names_exactly_the_engines_that_this_suite_runs() -> None:
    tested = {
        bench.engine: bench.suffix for bench in (*BENCHES, *TORCH_BENCHES) if bench.engine not in ("fake", "plain")
    }
    assert registry.ENGINES.keys() == tested.keys()
    assert all(suffix in registry.ENGINES[name].files for name, suffix in tested.items())


def test_models_add_offers_the_engines_that_load_onnx_files() -> None:
    add = ["add", "model.onnx", "--engine"]
    for name in registry.ENGINES:
        if ".onnx" in registry.ENGINES[name].files:
            assert arguments.parser().parse_args([*add, name]).engine == name
        else:
            with pytest.raises(SystemExit):
                arguments.parser().parse_args([*add, name])


def test_an_unknown_engine_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(EngineUnavailable, match="openvino"):
        registry.create("steam", EngineConfig())


def test_an_engine_that_cannot_be_imported_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = registry.Entry("detector.engines.steam:SteamEngine", "pip install steam", ())
    monkeypatch.setitem(registry.ENGINES, "steam", entry)
    with pytest.raises(EngineUnavailable, match="pip install steam"):
        registry.create("steam", EngineConfig())
    assert isinstance(registry.create("openvino", EngineConfig()), OpenVinoEngine)
