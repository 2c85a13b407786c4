"""Runs a model file on photographs before its head is known, since the shape of a single output is ambiguous."""

from collections.abc import Sequence
from pathlib import Path

from contracts.models.catalogue import Model
from detector.engine import EngineConfig, check_finite
from detector.engines.registry import create
from detector.models_command.head_guess import Seen
from detector.models_command.onnx_inspect import Graph
from detector.models_command.photo_trial import outputs_of, picture


def look(graph: Graph, sketched: Model, path: Path, config: EngineConfig, photos: Sequence[Path]) -> Seen:
    """Values of the only output for each photograph.

    sketched: an entry with input, engine and hash. Files with several outputs or a fixed batch size above 1 are not
    run. Raises ModelBroken, EngineUnavailable, InvalidInput for a photograph that cannot be read.
    """
    port = graph.outputs[0]
    if len(graph.outputs) > 1 or port.tail(2) is None or graph.image.shape[0] not in (1, None):
        return {}
    engine = create(sketched.engine, config)
    engine.setup(sketched, path, "auto", {port.name: (None,) * len(port.shape)})
    found = []
    for photo in photos:
        outputs = outputs_of(sketched, engine, picture(photo))
        check_finite(sketched, outputs)
        found.append(outputs[port.name])
    return {port.name: found}
