"""The parts of the check, in the order in which they are run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.gpu_check import conformance, figures, memory
from tools.gpu_check.report import Outcome
from tools.gpu_check.subjects import subject_on


def parts_on(device: str, folder: Path) -> dict[str, Callable[[], Outcome]]:
    """By name. folder: for files of weights."""
    subject = subject_on(device)
    return {
        "conformance": partial(conformance.check, device),
        "memory_halving": partial(memory.halving, subject, folder),
        "batch_occupancy": partial(figures.occupancy, subject, folder),
        "service_like_to_model_only": partial(figures.service_like, subject, folder),
        "engine_to_one_by_one": partial(figures.one_by_one, subject, folder),
    }
