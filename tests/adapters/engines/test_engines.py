"""The conformance suite of engines: add a new one to BENCHES."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
from msgspec.structs import replace

from contracts.errors import EngineUnavailable
from contracts.models.catalogue import Model
from detector.engine import Engine, EngineConfig
from detector.engines import registry
from detector.engines.onnxruntime import OnnxRuntimeEngine
from detector.engines.openvino import OpenVinoEngine
from detector.models_command import arguments
from detector.tensors import Image
from tests.support.deployments.service import ROOT
from tests.support.engine_conformance import MODEL, Bench, EngineConformance, torch_bench
from tests.support.models.fake_engine import FakeEngine, write_model
from tests.support.models.torch_models import MASK, SMALL_FASTER

MODEL_FILE = ROOT / "detector/models" / MODEL.file


def onnx_without_distances(folder: Path) -> Path:
    whole = onnx.load(str(MODEL_FILE))
    del whole.graph.output[[one.name for one in whole.graph.output].index("distances")]
    onnx.save(whole, str(folder / "part.onnx"))
    return folder / "part.onnx"


def openvino_precisions() -> set[str]:
    names = {"FP32": "fp32", "BF16": "bf16", "FP16": "f16"}
    return {names[name] for name in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") if name in names}


def documented_engine() -> Engine:
    """The engine that docs/recipes/adding-an-engine.md shows."""
    text = (ROOT / "docs/recipes/adding-an-engine.md").read_text()
    (code,) = re.findall(r"<!-- executed: engine -->\n```python\n(.*?)```", text, re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102
    made: Engine = module["PlainEngine"](EngineConfig())
    return made


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


class TestEngines(EngineConformance):
    """All of them."""


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
    BENCHES[0].assert_same(results[0], results[1])


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
    BENCHES[0].assert_same(results[False], results[True])
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
