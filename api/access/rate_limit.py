"""Rate limit per user: a sliding window of one minute, counted in Redis for all api processes."""

import logging
import math
import time
from dataclasses import dataclass

from redis import RedisError
from redis import asyncio as aioredis
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import TooManyRequests

log = logging.getLogger(__name__)

_WINDOW_SECONDS = 60
_AT_ONCE = 20
_MOST_USERS = 10_000
# KEYS: the user's counter; ARGV: limit per window, window in seconds, maximum batch. The previous window counts in
# proportion to its overlap with the sliding window. Takes a batch of at most a twentieth of what is left. Returns the
# batch size, what is left, and the milliseconds until a request is allowed or the window ends.
_TAKE = """
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = (time[1] + time[2] / 1e6) / window
local begun = math.floor(now)
local gone = now - begun
local kept = redis.call('HMGET', KEYS[1], 'begun', 'count', 'before')
local count, before = 0, 0
if tonumber(kept[1]) == begun then
  count, before = tonumber(kept[2]), tonumber(kept[3])
elseif tonumber(kept[1]) == begun - 1 then
  before = tonumber(kept[2])
end
local room = limit - count - before * (1 - gone)
if room < 1 then
  local wait = 1 - gone
  if count + 1 <= limit then wait = (1 - gone) - (limit - 1 - count) / before end
  return {0, 0, math.ceil(wait * window * 1000)}
end
local taken = math.max(1, math.min(tonumber(ARGV[3]), math.floor(room / 20)))
redis.call('HSET', KEYS[1], 'begun', begun, 'count', count + taken, 'before', before)
redis.call('EXPIRE', KEYS[1], window * 2)
return {taken, math.floor(room - taken), math.ceil((1 - gone) * window * 1000)}
"""


@dataclass(slots=True)
class _Taken:
    """A batch of requests counted in advance. unused: of the batch; left: beyond it."""

    unused: int
    left: int
    until: float

    def use(self, now: float) -> tuple[int, int]:
        """Use one. Returns how many are left, and the seconds until the window ends."""
        self.unused -= 1
        return self.left + self.unused, math.ceil(self.until - now)


class Rates:
    """Counts the requests of users, in batches while far from the limit, one by one near it."""

    def __init__(self, url: str, per_minute: int) -> None:
        self.per_minute = per_minute
        self._redis = aioredis.Redis.from_url(url, health_check_interval=30)
        self._take = self._redis.register_script(_TAKE)
        self._taken: dict[str, _Taken] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def take(self, user_id: str) -> tuple[int, int] | None:
        """Count a request. Returns how many are left, and the seconds until the window ends; None when there is no
        limit or Redis is down. Raises TooManyRequests."""
        if not self.per_minute:
            return None
        now = time.monotonic()
        taken = self._taken.get(user_id)
        if taken is None or not taken.unused or now >= taken.until:
            try:
                arguments = [self.per_minute, _WINDOW_SECONDS, _AT_ONCE]
                granted, left, wait = await self._take(keys=[f"wd:rate:{user_id}"], args=arguments)
            except RedisError as error:  # serve uncounted requests rather than none
                log.warning("cannot count requests, Redis failed: %s", error)
                return None
            if not granted:
                seconds = math.ceil(wait / 1000)
                raise TooManyRequests(
                    f"rate limit of {self.per_minute} requests per minute exceeded: wait, then send fewer", seconds
                )
            taken = _Taken(granted, left, now + wait / 1000)
            self._keep(user_id, taken, now)
        return taken.use(now)

    def _keep(self, user_id: str, taken: _Taken, now: float) -> None:
        before = self._taken.get(user_id)
        if before is not None and now < before.until:  # concurrent requests have each taken a batch
            taken.unused += before.unused
        if len(self._taken) >= _MOST_USERS:
            self._taken = {user: one for user, one in self._taken.items() if one.unused and one.until > now}
        self._taken[user_id] = taken


class RateLimit:
    """ASGI middleware after authentication: enforces the rate limit and adds the RateLimit headers."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app, self._rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("extensions", {}).get("connexion_context", {}).get("user")
        allowance = await self._rates.take(user) if user else None
        if allowance is None:
            await self._app(scope, receive, send)
            return
        left, seconds = allowance

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(self._rates.per_minute)
                headers["RateLimit-Remaining"] = str(left)
                headers["RateLimit-Reset"] = str(seconds)
            await send(message)

        await self._app(scope, receive, send_with_headers)
