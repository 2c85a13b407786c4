"""Takes the WHIP requests that the api passes to this ingest: contracts.live.whip."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Protocol

import msgspec
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from contracts.coordination.leases import Coordination
from contracts.errors import NotFound, Unavailable, WebDetectorError
from contracts.live import keys
from contracts.live.whip import WhipReply, WhipRequest, reply_name
from ingest.sources.port import Source
from ingest.webrtc.endpoints import Network
from ingest.webrtc.session import WhipSession
from ingest.webrtc.source import WebrtcSource

log = logging.getLogger(__name__)

_WAIT_SECONDS = 2
_RETRY_SECONDS = 1.0
_REPLY_SECONDS = 30


class Streams(Protocol):
    """What reads the streams of this ingest."""

    async def begin(self, stream_id: str, source: Source) -> None:
        """Take the lock of a stream and read it from this source, in place of the source that it has, which is closed.
        The source belongs to the stream from then on, which closes it.

        Raises StreamNotFed where the stream takes no sender now; the source is the caller's then.
        """


class WhipDoor:
    """Of one ingest: run() until it is cancelled."""

    def __init__(self, url: str, instance: str, network: Network, streams: Streams, coordination: Coordination) -> None:
        logging.getLogger("aioice").setLevel(logging.WARNING)  # else it writes each step, with addresses of senders
        self._redis = aioredis.Redis.from_url(url, health_check_interval=30)
        self._requests = keys.whip_requests(instance)
        self._network, self._streams, self._coordination = network, streams, coordination
        self._sessions: dict[tuple[str, str], WhipSession] = {}  # by stream and id
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take requests. At its end no request is being answered; sessions end with their streams."""
        try:
            while True:
                try:
                    taken = await self._redis.blpop([self._requests], timeout=_WAIT_SECONDS)
                except RedisError as error:
                    log.warning("cannot take WHIP requests, next try in a second: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                if taken:
                    self._begin(taken[1])  # type: ignore[arg-type]
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._redis.aclose()

    def _begin(self, data: bytes) -> None:
        try:
            request = msgspec.msgpack.decode(data, type=WhipRequest)
        except msgspec.DecodeError as error:
            log.warning("a WHIP request of another release cannot be read: %s", error)
            return
        if time.time() < request.deadline:  # else nobody waits for it
            task = asyncio.create_task(self._handle(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, request: WhipRequest) -> None:
        try:
            reply = await (self._offer(request) if request.action == "offer" else self._end(request))
        except WebDetectorError as error:
            reply = WhipReply(error=error.code, detail=error.detail)
        except RedisError as error:
            log.warning("a WHIP session is not begun, Redis does not answer: %s", error)
            return  # nor does it take a reply
        except Exception:
            log.exception("a WHIP session failed unexpectedly")
            reply = WhipReply(error=Unavailable.code, detail="the ingest failed: try again, its log has the details")
        with suppress(RedisError):  # the sender gets an error in time, and begins again
            await asyncio.to_thread(
                self._coordination.reply, reply_name(request.session), msgspec.msgpack.encode(reply), _REPLY_SECONDS
            )

    async def _offer(self, request: WhipRequest) -> WhipReply:
        key = (request.stream_id, request.session)
        session = WhipSession(self._network, lambda: self._sessions.pop(key, None))
        try:
            answer = await session.answer(request.sdp)
            self._sessions[key] = session
            await self._streams.begin(request.stream_id, WebrtcSource(session))
        except BaseException:
            await session.close()
            raise
        return WhipReply(sdp=answer)

    async def _end(self, request: WhipRequest) -> WhipReply:
        session = self._sessions.get((request.stream_id, request.session))
        if session is None:
            raise NotFound("the session has ended")
        session.end("the sender has ended the session: begin to send again")
        return WhipReply()
