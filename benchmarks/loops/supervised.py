"""supervision's process_video over OpenVINO's own synchronous call, which writes an annotated copy as it goes.
Run as `python -m benchmarks.loops.supervised`; needs supervision and opencv."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import supervision as sv

from benchmarks.loops.byhand import normal
from benchmarks.loops.model import FILE, HEIGHT, WIDTH, detections
from benchmarks.loops.served import serve
from contracts.results.codec import Detections


class Supervised:
    """The loop, with its model."""

    def __init__(self) -> None:
        core = ov.Core()
        graph = core.read_model(FILE)
        graph.reshape([1, 3, HEIGHT, WIDTH])
        self._model = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self._model(np.zeros((1, 3, HEIGHT, WIDTH), np.float32))
        self._boxes = sv.BoxAnnotator()

    def __call__(self, path: str) -> list[Detections]:
        """Detections of each frame, in order."""
        found: list[Detections] = []

        def on_frame(frame: Any, _: int) -> Any:
            outputs = self._model(normal(frame))
            raw = {name: np.array(outputs[name][0]) for name in ("scores", "distances")}
            one = detections(raw, (frame.shape[1], frame.shape[0]))
            found.append(one)
            seen = sv.Detections(xyxy=one.box.astype(np.float32), confidence=one.score, class_id=one.class_id)
            return self._boxes.annotate(frame, seen) if len(one.score) else frame

        with tempfile.TemporaryDirectory() as folder:
            sv.process_video(source_path=path, target_path=str(Path(folder) / "out.mp4"), callback=on_frame)
        return found


if __name__ == "__main__":
    serve(Supervised())
