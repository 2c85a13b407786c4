"""Runs a model file on photographs before its head is known: the shape of an only output does not tell what it is."""

from collections.abc import Sequence
from pathlib import Path

from contracts.models.catalogue import Model
from detector.engine import EngineConfig, check_finite
from detector.engines.registry import create
from detector.models_command.head_guess import Seen
from detector.models_command.onnx_inspect import Graph
from detector.models_command.photo_trial import outputs_of, picture


def look(graph: Graph, sketched: Model, path: Path, config: EngineConfig, photos: Sequence[Path]) -> Seen:
    """What the only output gives for each photograph.

    sketched: an entry with input and engine, and with the hash of the file. Files with more outputs are not run, nor
    those that take several pictures at once. Raises ModelBroken, EngineUnavailable, InvalidInput for a photograph that
    cannot be read.
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
