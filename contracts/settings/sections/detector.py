"""Processes, devices and models of detectors."""

from dataclasses import dataclass
from typing import Annotated, Literal

from contracts.settings.fields import WORKERS, meta, program


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    detector_workers: Annotated[
        int,
        meta("Embedded mode: number of detector workers; 0 means one for every four cores.", ("detector",), ge=0),
    ] = 0
    detector_python: Annotated[
        str,
        meta(
            "Embedded mode: Python interpreter of the detectors, for engines in a separate environment; empty "
            "means the service's own.",
            ("detector",),
            check=program,
        ),
    ] = ""
    detector_threads: Annotated[
        int, meta("Inference threads per detector; 0 means all available cores.", ("detector",), ge=0)
    ] = 0
    detector_device: Annotated[
        str,
        meta(
            "Device of the engine, by the engine's own name (openvino: CPU, GPU, NPU; onnxruntime: cpu, cuda, "
            "tensorrt; detectron2 and torchvision: cpu, cuda); empty means the engine's choice.",
            ("detector",),
        ),
    ] = ""
    detector_models: Annotated[
        str,
        meta(
            "Models that a detector loads at start, comma separated; empty means DEFAULT_MODEL, if its pool "
            "serves it. Others are loaded at their first job.",
            ("detector",),
        ),
    ] = ""
    detector_batch: Annotated[
        int, meta("Batch size on a GPU; 0 means the engine's choice.", ("detector",), ge=0, le=1024)
    ] = 0
    detector_pools: Annotated[
        str,
        meta("Pools that a detector serves, comma separated; empty means the default queue.", ("detector",)),
    ] = ""
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "f16", "int8"],
        meta("Inference precision; auto means bf16 where the hardware supports it, and never int8.", WORKERS),
    ] = "auto"
