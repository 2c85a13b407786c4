"""The answer of GET /admin/status, made of the numbers of the metrics. Pure."""

from collections.abc import Sequence
from typing import Any

from api.watch.numbers import Numbers
from api.watch.problems import problems
from contracts import RELEASE
from contracts.metrics import table
from contracts.workers.registration import WORKERS, Instance


def document(numbers: Numbers, workers: Sequence[Instance] | None) -> dict[str, Any]:
    """Parts that could not be read are null; then a problem says which server does not answer."""
    return {
        "release": RELEASE,
        "problems": [problem._asdict() for problem in problems(numbers)],
        "servers": {name: bool(is_up) for name, is_up in numbers.by_label(table.SERVER_UP).items()},
        "workers": None if workers is None else {role: _instances(workers, role) for role in WORKERS},
        "jobs": _jobs(numbers),
        "streams": _streams(numbers),
        "scale": _scale(numbers),
        "storage": _storage(numbers),
        "result_store_bytes": _whole(numbers.of(table.RESULT_STORE_BYTES)),
    }


def _instances(workers: Sequence[Instance], role: str) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "heard_seconds": round(one.heard_seconds, 1), "models": list(one.models)}
        for one in workers
        if one.role == role
    ]


def _jobs(numbers: Numbers) -> dict[str, Any] | None:
    backlog = numbers.of(table.BACKLOG_FRAMES)
    if backlog is None:
        return None
    capacity = numbers.of(table.CAPACITY, "detector")
    return {
        "by_state": _counts(numbers, table.JOBS),
        "backlog_frames": int(backlog),
        "backlog_seconds": round(backlog / capacity, 1) if capacity else None,
        "chunks_outstanding": _whole(numbers.of(table.CHUNKS_OUTSTANDING)),
    }


def _streams(numbers: Numbers) -> dict[str, Any] | None:
    wanted, served = numbers.of(table.LIVE_WANTED), numbers.of(table.LIVE_SERVED)
    if wanted is None or served is None:
        return None
    by_state = _counts(numbers, table.STREAMS)
    return {"by_state": by_state, "wanted_fps": round(wanted, 1), "served_fps": round(served, 1)}


def _scale(numbers: Numbers) -> dict[str, Any] | None:
    ratios = numbers.by_label(table.SCALE_RATIO)
    return {
        role: {
            "ratio": round(ratio, 3),
            "capacity_fps": round(numbers.of(table.CAPACITY, role) or 0, 1),
            "detectors_wanted": _whole(numbers.of(table.DETECTORS_WANTED, role)),
        }
        for role, ratio in ratios.items()
    } or None


def _storage(numbers: Numbers) -> dict[str, Any] | None:
    stored = _counts(numbers, table.STORAGE_BYTES)
    if not stored:
        return None
    free = _whole(numbers.of(table.STORAGE_FREE))
    return {**{f"{content}_bytes": count for content, count in stored.items()}, "free_bytes": free}


def _counts(numbers: Numbers, metric: table.Metric) -> dict[str, int]:
    return {label: int(value) for label, value in numbers.by_label(metric).items()}


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
