"""WHIP (RFC 9725) between the api, which answers HTTP, and the ingest, which holds the media.

The api appends a WhipRequest to `keys.whip_requests` of an ingest and waits for a WhipReply under `reply_name`
(contracts.coordination.leases.Replies).
"""

from typing import Literal

import msgspec


class WhipRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """action: "offer" begins a session with an SDP offer; "end" ends that session. session: an id chosen by the api.
    deadline: Unix seconds after which nobody waits for the reply."""

    action: Literal["offer", "end"]
    stream_id: str
    session: str
    deadline: float
    sdp: str = ""


class WhipReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """sdp: the answer. error, detail: code of the error and what to do, where there is none."""

    sdp: str = ""
    error: str = ""
    detail: str = ""


def reply_name(session: str) -> str:
    """Name of the reply."""
    return f"whip:{session}"
