"""Loads weights of PyTorch models from untrusted files.

Unpickling can execute code. From a `.pth` only tensors are loaded, and from a `.pkl` only arrays and plain containers.
Before that, detector.engine.check_file verifies the hash of the file.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from contracts.errors import ModelBroken
from contracts.models.catalogue import Model
from detector.engine import line_of

_NAMED = 5  # maximum number of problems listed in an error
# Classes and functions of pickled arrays, by the names of this and older versions of NumPy.
_ARRAYS = {
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    ),
}
# Training counters, values computed from the config, and leftovers of older releases: not weights.
_NO_WEIGHTS = ("num_batches_tracked", "pixel_mean", "pixel_std")
_CELL_ANCHORS = "anchor_generator.cell_anchors"


def load(model: Model, path: Path, into: torch.nn.Module) -> None:
    """Put the weights of a file into a network.

    path: `.pth` (a state dict, or one under "model") or `.pkl` of Detectron2's model zoo.
    Raises ModelBroken: unreadable, or weights of another network, with the names of differences.
    """
    try:
        content = _unpickled(path) if path.suffix == ".pkl" else _tensors(path)
    except ModelBroken:
        raise
    except Exception as error:  # a damaged file can raise anything
        raise ModelBroken(f"model {model.id}: {path} is no file of weights: {line_of(error)}") from error
    found = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        raise ModelBroken(f"model {model.id}: {path} holds no weights by name")
    tensors = OrderedDict((str(name).removeprefix("module."), _tensor(value)) for name, value in found.items())
    if hasattr(found, "_metadata"):  # version of the writer, since networks convert older formats
        tensors._metadata = found._metadata  # type: ignore[attr-defined]
    try:
        result = into.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise _unfit(model, [line.strip() for line in str(error).splitlines()[1:]]) from error
    problems = [f"lacks {name}" for name in result.missing_keys if not _is_no_weight(name)]
    problems += [f"has {name} too much" for name in result.unexpected_keys if not _is_no_weight(name)]
    if problems:
        raise _unfit(model, problems)


class _Arrays(pickle.Unpickler):
    """Unpickler of arrays, numbers, texts and containers; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need")
        return super().find_class(module, name)


def _unpickled(path: Path) -> Any:
    with path.open("rb") as source:
        return _Arrays(source, encoding="latin1").load()


def _tensors(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _unfit(model: Model, problems: list[str]) -> ModelBroken:
    rest = len(problems) - _NAMED
    said = "; ".join(problems[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
    return ModelBroken(
        f"model {model.id}: the file does not fit {model.config} with {len(model.labels)} labels: {said}"
    )


def _is_no_weight(name: str) -> bool:
    return name.endswith(_NO_WEIGHTS) or _CELL_ANCHORS in name


def _tensor(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
