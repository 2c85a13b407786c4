"""The fastest loop in one process that we know: PyAV decodes and scales in a thread, OpenVINO has several
requests in flight. Run as `python -m benchmarks.loops.bare PRECISION THREADS`."""

import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from benchmarks.loops.model import FILE, HEIGHT, MODEL, WIDTH, detections
from benchmarks.loops.served import serve
from contracts.results.codec import Detections

HINTS = {"fp32": "f32", "bf16": "bf16", "f16": "f16"}


def compiled(precision: str, threads: int, hint: str) -> Any:
    """The model with uint8 images as input."""
    core = ov.Core()
    graph = core.read_model(FILE)
    graph.reshape([1, 3, HEIGHT, WIDTH])
    steps = PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(list(MODEL.mean)).scale(list(MODEL.std))
    options = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_NUM_THREADS": threads,
    }
    return core.compile_model(steps.build(), "CPU", options)


class Bare:
    """The loop, with its model."""

    def __init__(self, precision: str, threads: int) -> None:
        model = compiled(precision, threads, "THROUGHPUT")
        count = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") + 1
        self._ring = [model.create_infer_request() for _ in range(count)]
        for request in self._ring:
            request.infer()

    def __call__(self, path: str) -> Iterator[Detections]:
        """Detections of each frame, in order."""
        images: queue.Queue[Any] = queue.Queue(8)
        threading.Thread(target=_decode, args=(path, images), daemon=True).start()
        size = images.get()
        ring, started, finished = self._ring, 0, 0
        while (image := images.get()) is not None:
            if started - finished == len(ring):
                yield detections(_outputs(ring[finished % len(ring)]), size)
                finished += 1
            request = ring[started % len(ring)]
            request.get_input_tensor().data[0] = image
            request.start_async()
            started += 1
        for number in range(finished, started):
            yield detections(_outputs(ring[number % len(ring)]), size)


def _decode(path: str, images: "queue.Queue[Any]") -> None:
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        images.put((stream.width, stream.height))
        for frame in container.decode(stream):
            images.put(frame.to_ndarray(width=WIDTH, height=HEIGHT, format="bgr24", interpolation="BILINEAR"))
    images.put(None)


def _outputs(request: Any) -> dict[str, Any]:
    request.wait()
    return {name: np.array(request.get_tensor(name).data[0]) for name in ("scores", "distances")}


if __name__ == "__main__":
    serve(Bare(sys.argv[1], int(sys.argv[2])))
