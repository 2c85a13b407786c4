"""Quantise the bundled model with NNCF: the int8 file that detectors take where the CPU is made for int8.

    make int8
    python -m tools.quantize_nanodet OUTPUT.zip       # in an environment with requirements/int8.txt

The same packages give the same bytes on CPUs of one kind. On another kind the last digits of what NNCF measures may
differ; what counts is tests/adapters/engines/test_int8.py, which measures how far the file agrees with the original.

The file is a ZIP archive without compression of the two files of OpenVINO's own format. Written as ONNX, OpenVINO
2026.4 computes the same graph wrongly: it finds nothing.
"""

import json
import logging
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from contracts.runtime import telemetry

telemetry.turn_off()  # NNCF and OpenVINO would send it

import nncf
import numpy as np
import openvino as ov
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from numpy.typing import NDArray
from PIL import Image

from tools.calibration_pictures import Pixels, pictures

ROOT = Path(__file__).parents[1]
PICTURES = 80
# A ZIP archive has no earlier one.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def main(target: Path) -> None:
    """Entry point."""
    nncf.set_log_level(logging.ERROR)
    entry = json.loads((ROOT / "contracts/models/nanodet-g.json").read_bytes())
    graph = ov.Core().read_model(ROOT / "detector/models" / entry["file"])
    width, height = entry["input_size"]
    graph.reshape([1, 3, height, width])
    images = [image(pixels, entry) for pixels in pictures(PICTURES)]
    pack(quantised(graph, images), target)


def image(pixels: Pixels, entry: dict[str, Any]) -> NDArray[np.float32]:
    """What the model is given for a picture: float32 [1, 3, height, width], BGR, normalised."""
    scaled = Image.fromarray(pixels).resize(tuple(entry["input_size"]), Image.Resampling.BILINEAR)
    bgr = np.asarray(scaled, np.float32)[..., ::-1]
    normal = (bgr - np.array(entry["mean"], np.float32)) / np.array(entry["std"], np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])


def quantised(graph: Any, images: list[NDArray[np.float32]]) -> Any:
    """The graph with int8 weights (symmetric) and activations (asymmetric where that is better)."""
    whole_range = RangeEstimatorParametersSet.MINMAX
    return nncf.quantize(
        graph,
        nncf.Dataset(images),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(images),
        fast_bias_correction=True,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=whole_range, weights_range_estimator_params=whole_range
        ),
    )


def pack(graph: Any, target: Path) -> None:
    """Write a graph in OpenVINO's format as one file."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        ov.save_model(graph, str(Path(folder, "model.xml")), compress_to_fp16=False)
        for name in ("model.xml", "model.bin"):
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), Path(folder, name).read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
