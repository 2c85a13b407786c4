"""The table of heads is complete, and docs/recipes/adding-a-head.md describes a head that works."""

import pkgutil
import re
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.models import catalogue
from detector import heads
from detector.view import view
from tests.support.deployments.service import ROOT

MODEL = replace(catalogue.bundled("nanodet-g"), head="pairs", labels=("cat", "dog"), input_size=(100, 50))


def test_every_head_is_in_the_table() -> None:
    modules = (import_module(f"detector.heads.{found.name}") for found in pkgutil.iter_modules(heads.__path__))
    decodes = {module.decode for module in modules if hasattr(module, "decode")}
    assert decodes == {head.decode for head in heads.HEADS.values()}


def test_the_documented_head_decodes_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/recipes/adding-a-head.md").read_text()
    (code,) = re.findall(r"<!-- executed: head -->\n```python\n(.*?)```", text, re.DOTALL)
    head: dict[str, Any] = {}
    exec(code, head)  # noqa: S102
    monkeypatch.setitem(heads.HEADS, "pairs", heads.Head(head["shapes"], head["decode"]))
    outputs = {
        "scores": np.array([[0.9, 0], [0.8, 0], [0, 0.7]], np.float32),
        "boxes": np.array([[20, 20, 20, 20], [21, 20, 20, 20], [95, 25, 20, 10]], np.float32),
    }
    found = heads.get(MODEL)
    assert found.shapes(MODEL) == {"scores": (None, 2), "boxes": (None, 4)}
    detections = found.decode(outputs, MODEL, view(MODEL, (200, 100)), 0.5, None)
    assert detections.class_id.tolist() == [0, 1]
    np.testing.assert_allclose(detections.score, [0.9, 0.7], rtol=1e-6)
    assert detections.box.tolist() == [[20, 20, 60, 60], [170, 40, 200, 60]]
