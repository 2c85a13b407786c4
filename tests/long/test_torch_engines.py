"""The engines on PyTorch: what they make of a file of weights, and that they compute what their libraries do."""

import logging
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.errors import EngineUnavailable, ModelBroken
from detector import heads, masks_rle
from detector.engine import Engine, EngineConfig
from detector.engines import registry
from detector.tensors import MASKS, Image
from detector.view import view
from tests.support.engine_conformance import assert_alike
from tests.support.models import torch_models
from tests.support.models.torch_models import (
    FASTER,
    FCOS,
    MASK,
    RETINA,
    SIDES,
    SMALL_FASTER,
    SSD,
    TORCHVISION_MASK,
    TORCHVISION_RETINA,
    Kind,
    noise,
    write,
)

pytestmark = pytest.mark.detectron2

SIZE = (120, 90)


def loaded(kind: Kind, path: Path, config: EngineConfig | None = None) -> Engine:
    engine = registry.create(kind.engine, config or EngineConfig())
    engine.setup(kind.model(path), path, "auto")
    return engine


# What computes.


def plain(kind: Kind, images: list[Image]) -> list[dict[str, Any]]:
    """The library alone, one frame at a time. (How frames are scaled for Detectron2 has a test of its own: in
    networks by chance, half a grey level moves boxes.)"""
    import torch

    from detector.engines.detectron2 import scaled

    network = torch_models.network(kind)
    found = []
    with torch.inference_mode():
        for image in images:
            height, width = image.shape[:2]
            if kind.engine == "detectron2":
                pixels = scaled(torch.from_numpy(image)[None], SIDES)[0]
                instances = network([{"image": pixels, "height": height, "width": width}])[0]["instances"]
                fields = instances.get_fields() | {"boxes": instances.pred_boxes.tensor}
                found.append(
                    {
                        "boxes": fields["boxes"].numpy(),
                        "scores": fields["scores"].numpy(),
                        "labels": fields["pred_classes"].numpy(),
                        "masks": fields["pred_masks"].numpy() if "pred_masks" in fields else None,
                    }
                )
            else:
                (result,) = network([torch.from_numpy(image).permute(2, 0, 1) / 255])
                outlines = result["masks"][:, 0].numpy() >= 0.5 if "masks" in result else None
                found.append(
                    {name: result[name].numpy() for name in ("boxes", "scores", "labels")} | {"masks": outlines}
                )
    return found


@pytest.mark.parametrize(
    "kind",
    [FASTER, RETINA, MASK, SMALL_FASTER, TORCHVISION_MASK, SSD, FCOS, TORCHVISION_RETINA],
    ids=lambda k: k.config,
)
def test_network_equals_its_library(kind: Kind, tmp_path: Path) -> None:
    engine = loaded(kind, write(kind, tmp_path / "weights.pth"))
    images = noise(2, SIZE)
    for one, expected in zip(engine.infer(images, masks=kind.masks), plain(kind, images), strict=True):
        places = assert_alike(one, expected)
        if kind.masks:
            texts: Any = one[MASKS]
            assert_masks([texts[place] for place in places], expected["masks"])


def assert_masks(texts: list[bytes], expected: np.ndarray[Any, Any]) -> None:
    """Against COCO's own tools, but for pixels on the edge of scores that differ in the last digits."""
    from pycocotools import mask as coco

    assert len({*texts}) > 3
    for text, bits in zip(texts, expected, strict=False):
        read = coco.decode({"size": [SIZE[1], SIZE[0]], "counts": text})
        assert np.count_nonzero(read != bits) <= 0.02 * bits.size
        own = coco.encode(np.asfortranarray(read))
        assert own["counts"] == text == masks_rle.encode(read.astype(bool), SIZE)


def test_frames_are_scaled_as_by_pillow_to_the_size_of_detectron2() -> None:
    import torch
    from detectron2.data.transforms import ResizeShortestEdge

    from detector.engines.detectron2 import scaled

    for width, height in ((640, 360), (90, 200), (31, 47), (2000, 300)):
        (image,) = noise(1, (width, height))
        expected = ResizeShortestEdge(200, 333).get_transform(image).apply_image(image)
        found = scaled(torch.from_numpy(image)[None], (200, 333))[0].permute(1, 2, 0).numpy()
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("kind", [FASTER, SMALL_FASTER], ids=lambda kind: kind.engine)
def test_batched_frames_equal_single_ones(kind: Kind, tmp_path: Path) -> None:
    path = write(kind, tmp_path / "weights.pth")
    # Of another size in between: such are not put together.
    images = [*noise(3, SIZE), *noise(1, (60, 100)), *noise(2, SIZE, seed=9)]
    alone = list(loaded(kind, path).infer(images))
    for one, other in zip(loaded(kind, path, EngineConfig(batch=4)).infer(images), alone, strict=True):
        assert_alike(one, other)


def test_boxes_are_in_pixels_of_the_frame_whatever_it_is_scaled_to(tmp_path: Path) -> None:
    path = write(FASTER, tmp_path / "weights.pth")
    engine, model = loaded(FASTER, path), FASTER.model(path)
    for size in (SIZE, (360, 270), (50, 300)):
        (outputs,) = engine.infer(noise(1, size))
        found = heads.get(model).decode(outputs, model, view(model, size), 0.3, None)
        assert len(found.score) > 3
        assert np.all(found.box >= 0)
        assert np.all(found.box <= [*size, *size])
        # All over the frame, not only in what an unscaled one would reach.
        assert np.all(found.box.max(axis=0)[2:] > 0.9 * np.array(size))
        assert "" not in {model.labels[number] for number in found.class_id}


# Masks.


def count_calls(network: Any, name: str) -> list[None]:
    calls: list[None] = []
    network.get_submodule(name).register_forward_hook(lambda *_: calls.append(None))
    return calls


@pytest.mark.parametrize(
    ("kind", "part"),
    [(MASK, "roi_heads.mask_head"), (TORCHVISION_MASK, "roi_heads.mask_head")],
    ids=["detectron2", "torchvision"],
)
def test_mask_branch_runs_only_on_request(kind: Kind, part: str, tmp_path: Path) -> None:
    engine: Any = loaded(kind, write(kind, tmp_path / "weights.pth"))
    calls = count_calls(engine._batches._network._network, part)
    images = noise(2, SIZE)
    without = list(engine.infer(images))
    assert not calls
    assert all(MASKS not in outputs for outputs in without)
    with_masks = list(engine.infer(images, masks=True))
    assert len(calls) == 2
    assert [len(outputs[MASKS]) for outputs in with_masks] == [len(outputs["boxes"]) for outputs in without]
    for one, other in zip(with_masks, without, strict=True):
        assert_alike(one, other)
    assert next(iter(engine.infer(images))).keys() == without[0].keys()
    assert len(calls) == 2


# Files of weights.


class Touch:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("kind", [FASTER, SMALL_FASTER], ids=lambda kind: kind.engine)
@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_pickled_code_is_never_executed(kind: Kind, suffix: str, tmp_path: Path) -> None:
    import torch

    path, touched = tmp_path / f"weights{suffix}", tmp_path / "touched"
    content = {"model": {"weight": Touch(touched)}, "__author__": "somebody"}
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    engine = registry.create(kind.engine, EngineConfig())
    with pytest.raises(ModelBroken, match="was changed"):
        engine.setup(replace(kind.model(path), sha256="0" * 64), path, "auto")
    with pytest.raises(ModelBroken, match="no file of weights"):
        engine.setup(kind.model(path), path, "auto")
    assert not touched.exists()
    # It would have: else this proves nothing.
    pickle.loads(pickle.dumps(content))  # noqa: S301
    assert touched.exists()


def test_changed_file_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from detector.engines import torch_weights

    path = write(FASTER, tmp_path / "weights.pkl")
    model = FASTER.model(path)
    path.write_bytes(path.read_bytes() + b"x")
    monkeypatch.setattr(torch_weights, "load", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ModelBroken, match="was changed"):
        registry.create("detectron2", EngineConfig()).setup(model, path, "auto")


def test_the_model_zoos_pickle_gives_what_the_trained_file_gives(tmp_path: Path) -> None:
    images = noise(2, SIZE)
    results = [list(loaded(FASTER, write(FASTER, tmp_path / f"w{end}")).infer(images)) for end in (".pth", ".pkl")]
    for one, other in zip(*results, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def refusal(kind: Kind, path: Path, **changes: Any) -> str:
    with pytest.raises(ModelBroken) as caught:
        registry.create(kind.engine, EngineConfig()).setup(replace(kind.model(path), **changes), path, "auto")
    return caught.value.detail


@pytest.mark.parametrize("kind", [FASTER, SMALL_FASTER], ids=lambda kind: kind.engine)
def test_mismatched_weights_are_refused_with_their_names(kind: Kind, tmp_path: Path) -> None:
    whole = write(kind, tmp_path / "whole.pth")
    part = write(kind, tmp_path / "part.pth", without="rpn" if kind.engine == "torchvision" else "proposal_generator")
    assert "lacks" in refusal(kind, part)
    assert "4 labels" in refusal(kind, part)
    assert "size mismatch for roi_heads" in refusal(kind, whole, labels=("cat", "dog"))
    other = (
        "COCO-Detection/retinanet_R_50_FPN_3x.yaml" if kind.engine == "detectron2" else "ssdlite320_mobilenet_v3_large"
    )
    said = refusal(kind, whole, config=other, sides=None)
    assert "lacks" in said
    assert "and" in said
    assert "more" in said


def test_entries_that_contradict_their_engine_are_refused(tmp_path: Path) -> None:
    path = write(SMALL_FASTER, tmp_path / "weights.pth")
    assert "fasterrcnn_resnet50_fpn" in refusal(SMALL_FASTER, path, config="keypointrcnn_resnet50_fpn")
    assert "takes RGB" in refusal(SMALL_FASTER, path, channels="BGR")
    assert "gives no masks" in refusal(SMALL_FASTER, path, masks=True)
    assert "input_size" in refusal(SMALL_FASTER, path, input_size=(64, 64))
    assert "sides" in refusal(SSD, path, sides=(64, 64))
    assert "mask_rcnn_R_50_FPN_3x" in refusal(MASK, path, config="../../setup.py")
    assert "takes BGR" in refusal(FASTER, path, channels="RGB")
    path.write_bytes(pickle.dumps([1]))
    assert "no file of weights" in refusal(FASTER, path)
    zoo = tmp_path / "list.pkl"
    zoo.write_bytes(pickle.dumps([1]))
    assert "no weights by name" in refusal(FASTER, zoo)


def test_every_config_of_the_two_families_can_be_named() -> None:
    import torch

    from detector.engines.detectron2 import _config

    with pytest.raises(ModelBroken) as caught:
        _config(replace(FASTER.model(), config="nothing"), torch.device("cpu"))
    names = caught.value.detail.partition("known are: ")[2].split(", ")
    assert len(names) == 24
    for name in names:
        config = _config(replace(FASTER.model(), config=name), torch.device("cpu"))
        assert config.MODEL.META_ARCHITECTURE in ("GeneralizedRCNN", "RetinaNet")
        assert config.INPUT.FORMAT == "BGR"


# Devices and memory.


def test_missing_device_is_refused_with_the_available_ones(tmp_path: Path) -> None:
    path = write(SMALL_FASTER, tmp_path / "weights.pth")
    for name in ("abacus", "cuda:99"):
        with pytest.raises(EngineUnavailable, match=r"has: cpu.*DETECTOR_DEVICE"):
            loaded(SMALL_FASTER, path, EngineConfig(device=name))
    engine = registry.create("torchvision", EngineConfig(device="CPU"))
    engine.setup(SMALL_FASTER.model(path), path, "fp32")
    assert engine.describe().provider == "cpu"


class Scarce:
    """A network that has memory for so many frames."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes: list[int] = []

    def __call__(self, frames: list[Any], *, masks: bool) -> list[Any]:
        import torch

        from detector.engines.torch_common import Found

        self.sizes.append(len(frames))
        if len(frames) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        empty = torch.zeros(0)
        return [Found(empty.reshape(0, 4), frame[:1, 0, 0].float(), empty) for frame in frames]


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def ran(network: Scarce, thread: ThreadPoolExecutor, count: int) -> list[float]:
    """The frames' numbers as they come out of batches of eight."""
    import torch

    from detector.engines.torch_common import Batches, one_ahead

    batches = Batches(network, torch.device("cpu"), None, 8)
    frames = (np.full((4, 6, 3), number, np.uint8) for number in range(count))
    results = one_ahead(thread, batches.pulled(frames), lambda batch: batches.computed(batch, masks=False))
    return [float(outputs["scores"][0]) for outputs in results]


def test_batch_is_halved_when_memory_runs_out_and_nothing_is_lost(
    thread: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    network = Scarce(3)
    with caplog.at_level(logging.WARNING):
        assert ran(network, thread, 21) == list(range(21))
    assert network.sizes[:3] == [8, 4, 2]
    assert 8 not in network.sizes[1:]
    assert network.sizes.count(4) <= 2  # what was pulled meanwhile was of the size before
    (record,) = caplog.records
    assert "8 frames of 6 x 4" in record.getMessage()


def test_too_little_memory_for_one_frame_is_an_error_that_says_so(thread: ThreadPoolExecutor) -> None:
    with pytest.raises(EngineUnavailable, match="one frame of 6 x 4"):
        ran(Scarce(0), thread, 3)


def test_regions_are_not_rounded_to_the_type_of_the_features() -> None:
    import torch
    from detectron2.modeling.poolers import ROIPooler
    from detectron2.structures import Boxes

    from detector.engines.detectron2 import _in_float32

    pooler = ROIPooler(7, (0.25,), 0, "ROIAlignV2")
    features = torch.arange(400.0).expand(1, 1, 8, 400).bfloat16()
    boxes = [Boxes(torch.tensor([[1001.0, 4.0, 1053.0, 24.0]]))]
    exact = pooler([features.float()], boxes)
    with torch.autocast("cpu", torch.bfloat16):
        assert (pooler([features], boxes).float() - exact).abs().max() > 0.2  # why there is a hook at all
        pooler.register_forward_pre_hook(_in_float32)
        assert (pooler([features], boxes) - exact).abs().max() < 1e-4
