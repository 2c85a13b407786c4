"""Detectron2: Faster R-CNN, RetinaNet and Mask R-CNN by the configs of its model zoo. The only file that imports it.

Its compiled extension is not needed: RoI pooling and NMS of these models come from torchvision.
"""

import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import interpolate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecation warnings of PyTorch
    import detectron2
    from detectron2.config import get_cfg
    from detectron2.data.transforms import ResizeShortestEdge
    from detectron2.modeling import build_model
    from detectron2.modeling.poolers import ROIPooler

from contracts.errors import ModelBroken
from contracts.models.catalogue import Model
from detector.engines import torch_weights
from detector.engines.torch_common import SCORE_FLOOR, Found, TorchEngine, check_agrees

_ZOO = Path(str(files(detectron2))) / "model_zoo" / "configs"
_FOLDERS = ("COCO-Detection", "COCO-InstanceSegmentation")
_NO_DETECTORS = ("rpn_", "fast_rcnn_")  # proposals only, and models that need external proposals


class Detectron2Engine(TorchEngine):
    """See detector.engine.Engine."""

    engine = "detectron2"
    version = detectron2.__version__

    def build(self, model: Model, path: Path, device: torch.device) -> "_Network":
        config = _config(model, device)
        check_agrees(model, channels=config.INPUT.FORMAT, has_masks=config.MODEL.MASK_ON)
        network = build_model(config).eval()
        torch_weights.load(model, path, network)
        return _Network(network, (config.INPUT.MIN_SIZE_TEST, config.INPUT.MAX_SIZE_TEST))


class _Network:
    """See torch_common.Network. sides: the shortest side that frames are scaled to, and the longest that may become."""

    def __init__(self, network: Any, sides: tuple[int, int]) -> None:
        self._network = network
        self._sides = sides
        for module in network.modules():
            if isinstance(module, ROIPooler):
                module.register_forward_pre_hook(_in_float32)

    def __call__(self, frames: list[torch.Tensor], *, masks: bool) -> list[Found]:
        heads = getattr(self._network, "roi_heads", None)
        if heads is not None and hasattr(heads, "mask_head"):
            heads.mask_on = masks
        height, width = frames[0].shape[:2]
        images = scaled(torch.stack(frames), self._sides)
        results = self._network([{"image": image, "height": height, "width": width} for image in images])
        return [_found(result["instances"]) for result in results]


def scaled(frames: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
    """Frames, uint8 [n, height, width, 3], as float32 [n, 3, height, width] in the size that ResizeShortestEdge
    gives them, by the same filter."""
    height, width = frames.shape[1:3]
    size = ResizeShortestEdge.get_output_shape(height, width, *sides)
    images = frames.permute(0, 3, 1, 2).float()
    if size == (height, width):
        return images
    return interpolate(images, size, mode="bilinear", align_corners=False, antialias=True).round_()


def _config(model: Model, device: torch.device) -> Any:
    known = sorted(
        f"{folder}/{file.name}"
        for folder in _FOLDERS
        for file in (_ZOO / folder).glob("*.yaml")
        if not file.name.startswith(_NO_DETECTORS)
    )
    if model.config not in known:
        raise ModelBroken(f"model {model.id}: there is no config {model.config!r}; known are: {', '.join(known)}")
    config = get_cfg()
    config.merge_from_file(str(_ZOO / model.config))
    config.MODEL.WEIGHTS = ""
    config.MODEL.DEVICE = str(device)
    config.MODEL.ROI_HEADS.NUM_CLASSES = config.MODEL.RETINANET.NUM_CLASSES = len(model.labels)
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = config.MODEL.RETINANET.SCORE_THRESH_TEST = SCORE_FLOOR
    if model.sides is not None:
        config.INPUT.MIN_SIZE_TEST, config.INPUT.MAX_SIZE_TEST = model.sides
    return config


def _in_float32(module: torch.nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Run RoI pooling in float32: it rounds boxes to the type of the features, in bf16 at x = 1000 to multiples of
    4."""
    features, boxes = arguments
    return [feature.float() for feature in features], boxes


def _found(instances: Any) -> Found:
    masks = instances.pred_masks if instances.has("pred_masks") else None
    return Found(instances.pred_boxes.tensor, instances.scores, instances.pred_classes, masks)
