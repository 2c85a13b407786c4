"""What most people would write: OpenCV reads and resizes, ONNX Runtime computes, one frame after the other.
Run as `python -m benchmarks.loops.byhand`; needs opencv."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from benchmarks.loops.model import FILE, HEIGHT, MODEL, WIDTH, detections
from benchmarks.loops.served import serve
from contracts.results.codec import Detections

MEAN, STD = np.array(MODEL.mean, np.float32), np.array(MODEL.std, np.float32)


def normal(frame: Any) -> Any:
    """A frame as the model wants it: float32 [1, 3, height, width]."""
    image = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(((image.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)[None])


class ByHand:
    """The loop, with its model."""

    def __init__(self) -> None:
        self._session = ort.InferenceSession(str(FILE), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._session.run(None, {self._input: np.zeros((1, 3, HEIGHT, WIDTH), np.float32)})

    def __call__(self, path: str) -> Iterator[Detections]:
        """Detections of each frame, in order."""
        capture = cv2.VideoCapture(path)
        while True:
            there, frame = capture.read()
            if not there:
                break
            scores, distances = self._session.run(["scores", "distances"], {self._input: normal(frame)})
            yield detections({"scores": scores[0], "distances": distances[0]}, (frame.shape[1], frame.shape[0]))
        capture.release()


if __name__ == "__main__":
    serve(ByHand())
