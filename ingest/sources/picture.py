"""The size of the pictures, as parameter sets tell it. Pure."""

from collections.abc import Iterable

from media import h264_syntax, hevc_syntax


def sequence_parameters(codec: str, units: Iterable[bytes]) -> bytes | None:
    """The first sequence parameter set among NAL units. codec: "h264" or "hevc"."""
    for unit in units:
        kind = unit[0] & 31 if codec == "h264" else hevc_syntax.kind(unit)
        if kind == (h264_syntax.PARAMETERS if codec == "h264" else hevc_syntax.SEQUENCE_PARAMETERS):
            return unit.rstrip(b"\0")
    return None


def size_of(codec: str, parameters: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels, from a sequence parameter set; None where it is not valid."""
    if codec == "h264":
        return h264_syntax.picture_size(parameters)
    found = hevc_syntax.Format.of(parameters)
    return (found.width, found.height) if found else None
