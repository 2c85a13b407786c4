"""Answers to clients that wait for pictures of frames."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from contracts.coordination import names
from contracts.coordination.leases import Coordination
from contracts.errors import UnsupportedSchema
from contracts.wire.messages import decode, encode
from contracts.wire.pictures import FrameReply, FrameRequest

_REPLY_SECONDS = 30


def take_requests(coordination: Coordination, video_id: str) -> list[FrameRequest]:
    """Take all that wait for pictures of a video. Those of a later release that cannot be read are left out: who asked
    asks again. Raises RedisError."""
    taken = []
    for data in coordination.requests.take(names.frame_requests(video_id)):
        with suppress(msgspec.DecodeError, UnsupportedSchema):
            taken.append(decode(data, FrameRequest))
    return taken


def answer(coordination: Coordination, requests: Iterable[FrameRequest], reply: FrameReply) -> None:
    """Answer requests that were taken. Raises RedisError."""
    for request in requests:
        coordination.reply(names.frame_reply(request.reply), encode(reply), _REPLY_SECONDS)


def answer_deleted(coordination: Coordination, video_id: str) -> None:
    """Answer all who wait for pictures of a video that was deleted: nobody makes them. Raises RedisError."""
    reply = FrameReply("the video was deleted", deleted=True)
    answer(coordination, take_requests(coordination, video_id), reply)
