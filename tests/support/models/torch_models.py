"""Models for the engines on PyTorch: their own networks with weights by chance, from a seed, at a small size.

Nothing here is imported but in the environment that tools/install-detectron2 makes.
"""

import hashlib
import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from contracts.models.catalogue import Model

LABELS = ("cat", "", "dog", "bird")
SIDES = (96, 160)
# Layers whose weights begin so small that no class would ever be told from another.
_DECISIONS = (
    "cls_score",
    "class_logits",
    "cls_logits",
    "classification_head.module_list",
    "mask_head.predictor",
    "mask_fcn_logits",
)


@dataclass(frozen=True)
class Kind:
    """An engine, one of its configs, and whether that gives masks."""

    engine: str
    config: str
    masks: bool = False

    def model(self, path: Path | None = None) -> Model:
        """The entry for a file of weights."""
        return Model(
            id="by-chance",
            title="by chance",
            engine=self.engine,
            file=path.name if path else "gone.pth",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest() if path else "0" * 64,
            licence="none",
            source="made from a seed",
            accuracy="none",
            input_size=None,
            channels="BGR" if self.engine == "detectron2" else "RGB",
            head="boxes",
            labels=LABELS,
            config=self.config,
            sides=None if self.config.startswith("ssd") else SIDES,
            masks=self.masks,
        )


FASTER = Kind("detectron2", "COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml")
FOUR_STAGES = Kind("detectron2", "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml")
RETINA = Kind("detectron2", "COCO-Detection/retinanet_R_50_FPN_3x.yaml")
MASK = Kind("detectron2", "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml", masks=True)
SMALL_FASTER = Kind("torchvision", "fasterrcnn_mobilenet_v3_large_fpn")
TORCHVISION_MASK = Kind("torchvision", "maskrcnn_resnet50_fpn", masks=True)
SSD = Kind("torchvision", "ssdlite320_mobilenet_v3_large")
FCOS = Kind("torchvision", "fcos_resnet50_fpn")
TORCHVISION_RETINA = Kind("torchvision", "retinanet_resnet50_fpn")


def network(kind: Kind, seed: int = 5) -> Any:
    """The network, as its engine builds it, with weights by chance that find something in noise."""
    import torch

    torch.manual_seed(seed)
    if kind.engine == "detectron2":
        from detectron2.modeling import build_model

        from detector.engines.detectron2 import _config

        made = build_model(_config(kind.model(), torch.device("cpu")))
    else:
        from detector.engines.torchvision import _built

        made = _built(kind.model())
    made.eval()
    for name, weight in made.named_parameters():
        if name.endswith("weight") and any(part in name for part in _DECISIONS):
            torch.nn.init.normal_(weight, 0, 0.05 if weight.dim() == 2 or kind.masks else 0.3)
            if weight.dim() == 2:  # features are positive: a row that is so too would win everywhere
                weight.data -= weight.data.mean(1, keepdim=True)
        elif name.endswith("bias") and weight.mean() < -3:  # "nothing here", as networks without regions begin
            torch.nn.init.constant_(weight, -1)
    # What was never trained grows from layer to layer; each norm takes what noise makes of it as normal.
    norms = [module for module in made.modules() if hasattr(module, "running_var")]
    hooks = [module.register_forward_pre_hook(_calm) for module in norms]
    frames = [torch.from_numpy(frame).permute(2, 0, 1).float() for frame in noise(2, (160, 96), seed)]
    with torch.inference_mode():
        made([{"image": frame} for frame in frames] if kind.engine == "detectron2" else [f / 255 for f in frames])
    for hook in hooks:
        hook.remove()
    return made


def _calm(module: Any, arguments: tuple[Any, ...]) -> None:
    (values,) = arguments
    module.running_mean.copy_(values.mean((0, 2, 3)))
    module.running_var.copy_(values.var((0, 2, 3)) + 1e-3)


@cache
def weights_of(kind: Kind, seed: int) -> dict[str, Any]:
    """The weights of `network` by name."""
    return dict(network(kind, seed).state_dict())


def write(kind: Kind, path: Path, seed: int = 5, without: str = "") -> Path:
    """A file of weights: .pth as training leaves it, .pkl as the model zoo has them.

    without: a part of the names of those that are left out."""
    import torch

    weights = {name: value for name, value in weights_of(kind, seed).items() if not without or without not in name}
    if path.suffix == ".pkl":
        arrays = {name: value.numpy() for name, value in weights.items()}
        path.write_bytes(pickle.dumps({"model": arrays, "__author__": "chance"}))
    else:
        torch.save({"model": weights, "iteration": 7} if kind.engine == "detectron2" else weights, path)
    return path


def noise(count: int, size: tuple[int, int] = (120, 90), seed: int = 3) -> list[Any]:
    """Frames of (width, height) without two alike: coarse noise, which survives scaling."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, -(-size[1] // 10), -(-size[0] // 10), 3), np.uint8)
    return list(coarse.repeat(10, 1).repeat(10, 2)[:, : size[1], : size[0]].copy())
