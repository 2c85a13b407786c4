"""Makes a clip: cut where that is asked for, else encoded anew."""

from contracts.errors import VideoRefused
from processor.renditions.clips.cutting import cut
from processor.renditions.clips.exact import encode
from processor.renditions.encoder import Target
from processor.renditions.inputs import Inputs, Tell
from processor.renditions.protocol import Report, Request


def clip(request: Request, target: Target, inputs: Inputs, tell: Tell) -> Report:
    """As a Maker."""
    part = request.options.part
    if part is None:
        raise VideoRefused("the part of the video is missing")
    return (encode if part.exact else cut)(target, inputs.video, request.media, inputs.index, part, tell)
