"""torchvision: its detection models by the names of their builders. The only file that imports these."""

from pathlib import Path
from typing import Any

import torch
import torchvision
from torchvision.models import get_model_builder, list_models

from contracts.errors import ModelBroken
from contracts.models.catalogue import Model
from detector.engines import torch_weights
from detector.engines.torch_common import SCORE_FLOOR, Found, TorchEngine, check_agrees

_NO_DETECTORS = "keypointrcnn_"


class TorchvisionEngine(TorchEngine):
    """See detector.engine.Engine."""

    engine = "torchvision"
    version = torchvision.__version__

    def build(self, model: Model, path: Path, device: torch.device) -> "_Network":
        network = _built(model)
        check_agrees(model, channels="RGB", has_masks=hasattr(network, "roi_heads") and network.roi_heads.has_mask())
        torch_weights.load(model, path, network)
        return _Network(network.to(device).eval())


class _Network:
    """See torch_common.Network."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._mask_pool = network.roi_heads.mask_roi_pool if hasattr(network, "roi_heads") else None
        # Score threshold of two-stage and one-stage models.
        getattr(network, "roi_heads", network).score_thresh = SCORE_FLOOR

    def __call__(self, frames: list[torch.Tensor], *, masks: bool) -> list[Found]:
        if self._mask_pool is not None:  # without it, the mask branch is skipped
            self._network.roi_heads.mask_roi_pool = self._mask_pool if masks else None
        results = self._network([frame.permute(2, 0, 1).float() / 255 for frame in frames])
        return [_found(result, masks=masks) for result in results]


def _built(model: Model) -> Any:
    known = [name for name in list_models(module=torchvision.models.detection) if not name.startswith(_NO_DETECTORS)]
    if model.config not in known:
        raise ModelBroken(f"model {model.id}: there is no builder {model.config!r}; known are: {', '.join(known)}")
    sides = {}
    if model.sides is not None:
        if model.config.startswith("ssd"):
            raise ModelBroken(f"model {model.id}: {model.config} has one size of input: leave out sides")
        sides = dict(zip(("min_size", "max_size"), model.sides, strict=True))
    return get_model_builder(model.config)(weights=None, weights_backbone=None, num_classes=len(model.labels), **sides)


def _found(result: dict[str, torch.Tensor], *, masks: bool) -> Found:
    outlines = result["masks"][:, 0] >= 0.5 if masks and "masks" in result else None
    return Found(result["boxes"], result["scores"], result["labels"], outlines)
