"""The model of the comparison: where it is, and what its outputs mean."""

from pathlib import Path

from contracts.models.catalogue import bundled
from contracts.results.codec import Detections
from detector.heads import nanodet
from detector.tensors import Outputs
from detector.view import view

MODEL = bundled("nanodet-g")
FILE = Path(__file__).resolve().parents[2] / "detector" / "models" / MODEL.file
WIDTH, HEIGHT = MODEL.input_size or (0, 0)
MIN_SCORE = 0.35


def detections(outputs: Outputs, size: tuple[int, int]) -> Detections:
    """What was found in a frame of that size (width, height)."""
    return nanodet.decode(outputs, MODEL, view(MODEL, size), MIN_SCORE)
