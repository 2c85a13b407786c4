"""Series per stream, of a bounded number."""

from collections.abc import Mapping

from contracts.metrics.table import Metric, Reading

OTHERS = "others"


def per_stream(metric: Metric, values: Mapping[str, float], most: int) -> list[Reading]:
    """A series for each of the streams with the largest values; those of the others are one, the sum of theirs."""
    largest = sorted(values, key=lambda stream: (-values[stream], stream))
    found = [Reading(metric, values[stream], (stream,)) for stream in largest[:most]]
    if rest := largest[most:]:
        found.append(Reading(metric, sum(values[stream] for stream in rest), (OTHERS,)))
    return found
