"""The conformance suite of engines. It needs no library of an engine, so that it also runs where there is one alone."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.errors import ModelBroken, PrecisionUnavailable
from contracts.models import catalogue
from contracts.models.catalogue import Model
from detector import heads
from detector.engine import PRECISIONS, Engine, EngineConfig
from detector.engines import registry
from detector.tensors import Image, Outputs
from tests.support.models import torch_models
from tests.support.models.torch_models import Kind

# The plain file alone: what the int8 file is for has tests of its own.
MODEL = replace(catalogue.bundled("nanodet-g"), int8_file=None, int8_sha256="")
BEST = 50  # of the 100 or more that a network gives, some of which are cut off there


@dataclass(frozen=True)
class Bench:
    """engine: as describe names it. make: creates an engine, without a model. file: the model for it.
    incomplete: writes a model that lacks what `lacks` names. has: precisions of this machine.
    model: the entry, all but the hash. unfit: how a file is refused for a label less.
    size: (width, height) of images for it, count: how many are computed. suffix: of its files. precision: to compute
    in, where nothing else is asked for. exact: whether images computed together give the bits that each gives alone."""

    engine: str
    make: Callable[[], Engine]
    file: Callable[[Path], Path]
    incomplete: Callable[[Path], Path]
    has: Callable[[], set[str]]
    lacks: str = "'distances'"
    unfit: str = r"'scores' has shape \(3549, 80\)"
    model: Model = MODEL
    size: tuple[int, int] = (416, 416)
    count: int = 7
    suffix: str = ".onnx"
    precision: str = "auto"
    exact: bool = True

    def hashed(self, path: Path) -> Model:
        """The entry with the hash of that file."""
        return replace(self.model, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    def assert_same(self, found: list[Outputs], expected: list[Outputs]) -> None:
        """Compare outputs, of images in the same order."""
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            if self.exact:
                assert a.keys() == b.keys()
                assert all(np.array_equal(a[name], b[name]) for name in a)
            else:
                assert_alike(a, b)


def torch_bench(kind: Kind, config: EngineConfig | None = None, **differs: Any) -> Bench:
    """A bench of an engine on PyTorch, which needs the environment of tools/install-detectron2. differs: from that of
    an engine on a CPU."""
    bench = Bench(
        kind.engine,
        lambda: registry.create(kind.engine, config or EngineConfig()),
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
    return dataclasses.replace(bench, **differs)


def assert_alike(found: Outputs, expected: Mapping[str, Any]) -> list[int]:
    """The best that are expected are found, each once; where in what was found. Of objects that score all but
    the same, the order is left to chance."""
    assert len(expected["scores"]) > 3
    places: list[int] = []
    for score, label, box in list(zip(expected["scores"], expected["labels"], expected["boxes"], strict=True))[:BEST]:
        near = (np.abs(found["scores"] - score) < 1e-3) & (np.abs(found["boxes"] - box).max(axis=1) < 0.1)
        same = [int(place) for place in np.flatnonzero(near & (found["labels"] == label)) if place not in places]
        assert same, f"a {label} of {score} at {box} is not found"
        places.append(same[0])
    assert all(abs(place - number) <= 5 for number, place in enumerate(places))
    return places


def cut_short(path: Path) -> bytes:
    """The beginning of a file."""
    content = path.read_bytes()
    return content[: min(100_000, len(content) // 2)]


class EngineConformance:
    """Subclass it next to a fixture `bench`, which gives each Bench to be tested."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Engine:
        path = bench.file(tmp_path_factory.mktemp("model"))
        made = bench.make()
        made.setup(bench.hashed(path), path, bench.precision)
        return made

    @pytest.fixture(scope="class")
    @classmethod
    def images(cls, bench: Bench) -> list[Image]:
        width, height = bench.size
        return list(np.random.default_rng(3).integers(0, 256, (bench.count, height, width, 3), np.uint8))

    @pytest.fixture(scope="class")
    @classmethod
    def one_by_one(cls, engine: Engine, images: list[Image]) -> list[Outputs]:
        return [outputs for image in images for outputs in engine.infer([image])]

    def test_images_differ_in_their_outputs(self, one_by_one: list[Outputs]) -> None:
        # Else the tests below would prove no order.
        assert len({outputs["scores"].tobytes() for outputs in one_by_one}) == len(one_by_one)

    def test_many_images_equal_one_by_one_in_order_and_bit_for_bit(
        self, bench: Bench, engine: Engine, images: list[Image], one_by_one: list[Outputs]
    ) -> None:
        bench.assert_same(list(engine.infer(images)), one_by_one)

    def test_outputs_are_float32_of_the_shapes_that_the_head_reads(
        self, bench: Bench, one_by_one: list[Outputs]
    ) -> None:
        shapes = heads.get(bench.model).shapes(bench.model)
        for outputs in one_by_one:
            assert outputs.keys() == shapes.keys()
            for name, values in outputs.items():
                assert values.dtype == np.float32
                assert all(want in (None, has) for want, has in zip(shapes[name], values.shape, strict=True))

    def test_no_image_gives_nothing(self, engine: Engine) -> None:
        assert list(engine.infer([])) == []

    def test_images_are_pulled_as_they_are_needed(self, engine: Engine, images: list[Image]) -> None:
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
        self, bench: Bench, engine: Engine, images: list[Image], one_by_one: list[Outputs]
    ) -> None:
        def one_buffer() -> Iterator[Image]:
            buffer = np.empty_like(images[0])
            for image in images:
                buffer[:] = image
                yield buffer
                buffer[:] = 0

        bench.assert_same(list(engine.infer(one_buffer())), one_by_one)

    def test_an_abandoned_generator_leaves_the_engine_usable(
        self, bench: Bench, engine: Engine, images: list[Image], one_by_one: list[Outputs]
    ) -> None:
        for taken in range(4):
            results = engine.infer(images)
            for _ in range(taken):
                next(results)
            results.close()
            bench.assert_same(list(engine.infer(images[:3])), one_by_one[:3])

    def test_an_error_of_the_images_comes_through_and_leaves_the_engine_usable(
        self, bench: Bench, engine: Engine, images: list[Image], one_by_one: list[Outputs]
    ) -> None:
        def broken() -> Iterator[Image]:
            yield from images[:2]
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            list(engine.infer(broken()))
        bench.assert_same(list(engine.infer(images[:3])), one_by_one[:3])

    def test_describe_says_what_computes(self, bench: Bench, engine: Engine) -> None:
        info = engine.describe()
        assert info.engine == bench.engine
        assert info.version
        assert info.device
        chosen = "bf16" if "bf16" in bench.has() else "fp32"
        assert info.precision == (chosen if bench.precision == "auto" else bench.precision)

    def test_every_precision_that_there_is_can_be_asked_for_by_name(self, bench: Bench, tmp_path: Path) -> None:
        path = bench.file(tmp_path)
        for precision in bench.has():
            made = bench.make()
            made.setup(bench.hashed(path), path, precision)
            assert made.describe().precision == precision

    def test_a_precision_that_is_unknown_or_not_there_is_refused(self, bench: Bench, tmp_path: Path) -> None:
        path = bench.file(tmp_path)
        for precision in ["int3", *(set(PRECISIONS) - bench.has())]:
            with pytest.raises(PrecisionUnavailable, match=precision):
                bench.make().setup(bench.hashed(path), path, precision)

    def test_a_missing_file_is_refused_with_its_place(self, bench: Bench, tmp_path: Path) -> None:
        with pytest.raises(ModelBroken, match=r"gone\.model.*MODELS_DIR"):
            bench.make().setup(replace(bench.model, sha256="0" * 64), tmp_path / "gone.model", "auto")

    def test_a_file_with_another_hash_or_none_in_the_catalogue_is_refused(self, bench: Bench, tmp_path: Path) -> None:
        path = bench.file(tmp_path)
        for sha256, reason in (("0" * 64, "was changed"), ("", "no sha256")):
            with pytest.raises(ModelBroken, match=reason):
                bench.make().setup(replace(bench.model, sha256=sha256), path, "auto")

    @pytest.mark.parametrize("content", [b"", b"not a model", None], ids=["empty", "text", "cut short"])
    def test_a_file_that_is_no_model_is_refused(self, bench: Bench, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / f"broken{bench.suffix}"
        path.write_bytes(cut_short(bench.file(tmp_path)) if content is None else content)
        with pytest.raises(ModelBroken, match=bench.model.id):
            bench.make().setup(bench.hashed(path), path, "auto")

    def test_a_model_with_other_outputs_than_its_head_reads_is_refused(self, bench: Bench, tmp_path: Path) -> None:
        path = bench.incomplete(tmp_path)
        with pytest.raises(ModelBroken, match=bench.lacks):
            bench.make().setup(bench.hashed(path), path, "auto")
        path = bench.file(tmp_path)
        with pytest.raises(ModelBroken, match=bench.unfit):
            bench.make().setup(replace(bench.hashed(path), labels=bench.model.labels[:-1]), path, "auto")
