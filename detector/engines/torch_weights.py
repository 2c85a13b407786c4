"""Weights for PyTorch models out of files that others made.

A pickle can run anything when it is read. `.pth` is read as tensors alone, and of a `.pkl` nothing is
made but arrays and plain containers, whatever it names. Before either, detector.engine.check_file holds it
against its hash.
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

_NAMED = 5  # that many problems in an error, and how many more there are
# What arrays are made of in a pickle, by the names of this NumPy and of older ones.
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
# Counted in training, computed from the config, or kept by older releases alone: no weights.
_NO_WEIGHTS = ("num_batches_tracked", "pixel_mean", "pixel_std")
_CELL_ANCHORS = "anchor_generator.cell_anchors"


def load(model: Model, path: Path, into: torch.nn.Module) -> None:
    """Put the weights of a file into a network.

    path: `.pth` (a state dict, or one under "model") or `.pkl` of Detectron2's model zoo.
    Raises ModelBroken: unreadable, or not the weights of this network, with the names.
    """
    try:
        content = _unpickled(path) if path.suffix == ".pkl" else _tensors(path)
    except ModelBroken:
        raise
    except Exception as error:  # whatever a damaged file makes its reader raise
        raise ModelBroken(f"model {model.id}: {path} is no file of weights: {line_of(error)}") from error
    found = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        raise ModelBroken(f"model {model.id}: {path} holds no weights by name")
    tensors = OrderedDict((str(name).removeprefix("module."), _tensor(value)) for name, value in found.items())
    if hasattr(found, "_metadata"):  # which release wrote it: networks read older forms too
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
    """Reads arrays, numbers, texts and containers; refuses all else."""

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
