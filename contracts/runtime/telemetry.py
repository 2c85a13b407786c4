"""Turns off the telemetry of inference libraries, which send it unless told not to, and keep an id in the home folder.

Both must happen before the library is imported: the packages `detector` and `benchmarks.loops` do so when the first of
their modules is imported, and `tools.quantize_nanodet` first of all.
"""

import os
import sys

# ONNX Runtime since 1.29. Read once, when the library is loaded.
OFF = {"ORT_DISABLE_TELEMETRY": "1"}


def turn_off() -> None:
    """Turn it off for this process and those that it starts."""
    os.environ.update(OFF)
    # OpenVINO has no switch but a file in the home folder; without this package it sends nothing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
