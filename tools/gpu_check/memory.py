"""What becomes of batches when memory runs out: on a GPU of real want, elsewhere of the error that it gives."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch

from contracts.errors import EngineUnavailable
from tools.gpu_check.report import Outcome
from tools.gpu_check.subjects import Subject, wrapped

_BATCH = 8


def halving(subject: Subject, folder: Path) -> Outcome:
    """Memory for fewer frames than a batch has makes the batches smaller and loses no frame; too little for one frame
    is an error that says so."""
    engine = subject.engine(folder, "fp32", _BATCH)
    images = subject.images()[:_BATCH]
    whole = len(list(engine.infer(images)))
    want = _Want(subject, engine, images) if subject.on_gpu else _Pretended(engine)
    with want.of_some():
        fewer = len(list(engine.infer(images)))
    halved = engine._batches.size
    engine._batches.size = _BATCH
    refused = ""
    with want.of_all():
        try:
            list(engine.infer(images))
        except EngineUnavailable as error:
            refused = error.detail
    engine._batches.size = _BATCH
    again = len(list(engine.infer(images)))
    figures = {
        "batch": _BATCH,
        "halved_to": halved,
        "frames": [whole, fewer, again],
        "refused": refused,
        **want.figures,
    }
    wrong = [
        *(["the batch was not halved"] if not 0 < halved < _BATCH else []),
        *(["frames were lost"] if {whole, fewer, again} != {_BATCH} else []),
        *(["no error said that one frame has no room"] if "memory for one frame" not in refused else []),
    ]
    return Outcome(not wrong, figures, "; ".join(wrong))


class _Want:
    """A limit on what this process may take of the GPU."""

    def __init__(self, subject: Subject, engine: Any, images: list[Any]) -> None:
        self._device = torch.device(subject.device)
        self._total = torch.cuda.get_device_properties(self._device).total_memory
        weights = torch.cuda.memory_allocated(self._device)
        peaks = {}
        for size in (1, _BATCH):
            engine._batches.size = size
            peaks[size] = self._peak(lambda: list(engine.infer(images)))
        self._some = (peaks[1] + peaks[_BATCH]) // 2
        self._all = weights + (peaks[1] - weights) // 4
        self.figures = {"mib": {"weights": weights >> 20, "one": peaks[1] >> 20, "batch": peaks[_BATCH] >> 20}}

    def of_some(self) -> AbstractContextManager[None]:
        """Room for one frame, and not for a batch."""
        return self._limited(self._some)

    def of_all(self) -> AbstractContextManager[None]:
        """Not even room for one."""
        return self._limited(self._all)

    @contextmanager
    def _limited(self, limit: int) -> Iterator[None]:
        self._set(limit)
        try:
            yield
        finally:
            self._set(self._total)

    def _peak(self, call: Callable[[], Any]) -> int:
        self._free()
        torch.cuda.reset_peak_memory_stats(self._device)
        call()
        return int(torch.cuda.max_memory_reserved(self._device))

    def _set(self, limit: int) -> None:
        self._free()
        torch.cuda.set_per_process_memory_fraction(limit / self._total, self._device)

    def _free(self) -> None:
        gc.collect()
        torch.cuda.empty_cache()


class _Pretended:
    """The error of a GPU without memory, from any device."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.figures: dict[str, Any] = {"pretended": True}

    def of_some(self) -> AbstractContextManager[None]:
        """Room for three frames."""
        return wrapped(self._engine, lambda network: _scarce(network, 3))

    def of_all(self) -> AbstractContextManager[None]:
        """Room for none."""
        return wrapped(self._engine, lambda network: _scarce(network, 0))


def _scarce(network: Any, most: int) -> Callable[..., Any]:
    def call(frames: list[torch.Tensor], *, masks: bool) -> Any:
        if len(frames) > most:
            raise torch.OutOfMemoryError("out of memory, as pretended by a check")
        return network(frames, masks=masks)

    return call
