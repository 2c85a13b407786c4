"""WHIP sessions: which ingest takes them, and the conversation with it (contracts.live.whip)."""

import base64
import time
import uuid
from collections import Counter
from typing import NamedTuple

import msgspec
import redis
from anyio.to_thread import run_sync

from contracts.coordination import names
from contracts.coordination.leases import Locks, Replies
from contracts.errors import (
    Malformed,
    NoIngest,
    NoMediaPort,
    NotFound,
    OfferRefused,
    StreamNotFed,
    Unavailable,
    WebDetectorError,
)
from contracts.live import keys
from contracts.live.whip import WhipReply, WhipRequest, reply_name
from contracts.workers.registration import live_ingests

# The ingest asks a TURN server, for five seconds at most.
ANSWER_SECONDS = 10
# An ingest takes a request at once, however long the answer takes; one that does not was killed, or hangs.
_TAKE_SECONDS = 1
_ERRORS: dict[str, type[WebDetectorError]] = {
    kind.code: kind for kind in (Malformed, OfferRefused, StreamNotFed, NoMediaPort, NotFound, Unavailable)
}
_NO_ANSWER = "no ingest answered in time: try again"
_NO_SESSION = "the stream has no such session: it has ended"


class Begun(NamedTuple):
    """A session that has begun. sdp: the answer to the offer."""

    session: str
    sdp: str


class WhipCalls:
    """Asks an ingest. A session's id names its ingest, so that any api process can end it."""

    def __init__(self, client: "redis.Redis", replies: Replies) -> None:
        self._redis, self._locks, self._replies = client, Locks(client), replies

    async def offer(self, stream_id: str, sdp: str) -> Begun:
        """Begin a session of a stream, in place of one that it has. Where an ingest was killed, another one is asked.
        Raises NoIngest, Malformed, OfferRefused, StreamNotFed, NoMediaPort, Unavailable, RedisError."""
        deadline = time.time() + ANSWER_SECONDS
        asked: Counter[str] = Counter()
        while time.time() < deadline:
            instance = await run_sync(self._ingest_for, stream_id, asked)
            session = f"{uuid.uuid4().hex}.{base64.urlsafe_b64encode(instance.encode()).decode().rstrip('=')}"
            reply = await self._ask(instance, WhipRequest("offer", stream_id, session, deadline, sdp))
            if reply is not None:
                return Begun(session, reply.sdp)
            asked[instance] += 1
        raise NoIngest(_NO_ANSWER)

    async def end(self, stream_id: str, session: str) -> None:
        """End a session of a stream. Raises NotFound, NoIngest, Unavailable, RedisError."""
        instance = _instance_of(session)
        if instance not in await run_sync(self._ingests):
            raise NotFound(_NO_SESSION)
        request = WhipRequest("end", stream_id, session, time.time() + ANSWER_SECONDS)
        if await self._ask(instance, request) is None:
            raise NoIngest(_NO_ANSWER)

    async def _ask(self, instance: str, request: WhipRequest) -> WhipReply | None:
        """The reply of an ingest; None where it did not take the request, which is then withdrawn."""
        sent, name = msgspec.msgpack.encode(request), reply_name(request.session)
        await run_sync(self._send, instance, sent)
        data = await self._replies.wait_for(name, _TAKE_SECONDS)
        if data is None:
            if await run_sync(self._redis.lrem, keys.whip_requests(instance), 1, sent):  # type: ignore[arg-type]
                return None
            data = await self._replies.wait_for(name, max(1, round(request.deadline - time.time())))
        if data is None:
            raise NoIngest(_NO_ANSWER)
        reply = msgspec.msgpack.decode(data, type=WhipReply)
        if reply.error:
            raise _ERRORS.get(reply.error, Unavailable)(reply.detail)
        return reply

    def _send(self, instance: str, request: bytes) -> None:
        key = keys.whip_requests(instance)
        with self._redis.pipeline() as pipe:
            pipe.rpush(key, request)
            pipe.expire(key, ANSWER_SECONDS)
            pipe.execute()

    def _ingests(self) -> list[str]:
        """Names of the live ones, the one with the fewest streams first."""
        return [one.instance for one in live_ingests(self._redis)]

    def _ingest_for(self, stream_id: str, asked: Counter[str]) -> str:
        """The ingest that has the stream, which replaces its session; else the one with the fewest streams of those
        that were asked the fewest times."""
        ingests = self._ingests()
        if not ingests:
            raise NoIngest("no ingest is running, which would receive the stream: the operator must start one")
        holder = (self._locks.owner(names.stream_ingest(stream_id)) or "").rpartition(":")[0]
        return holder if holder in ingests else min(ingests, key=asked.__getitem__)


def _instance_of(session: str) -> str:
    name = session.partition(".")[2]
    try:
        return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except ValueError:
        raise NotFound(_NO_SESSION) from None
