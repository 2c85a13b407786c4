"""How often one user may ask: a window that slides over a minute, counted in Redis for all processes of the api."""

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
# KEYS: the user's; ARGV: requests in a window, seconds of a window, how many to take at once. What came in the window
# before counts by the share of it that the last such seconds still reach. Of what is left, a twentieth is taken at
# most. Returns how many were taken, how much is left, and the milliseconds until there is some, or until the window
# ends.
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
    """Requests that were counted and have not been made yet. left: those that are not even counted."""

    unused: int
    left: int
    until: float

    def use(self, now: float) -> tuple[int, int]:
        """Make one: how many more may come, and the seconds until the window ends."""
        self.unused -= 1
        return self.left + self.unused, math.ceil(self.until - now)


class Rates:
    """Counts the requests of users: some at once for who has many left, and near the limit each."""

    def __init__(self, url: str, per_minute: int) -> None:
        self.per_minute = per_minute
        self._redis = aioredis.Redis.from_url(url, health_check_interval=30)
        self._take = self._redis.register_script(_TAKE)
        self._taken: dict[str, _Taken] = {}

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    async def take(self, user_id: str) -> tuple[int, int] | None:
        """Count a request: how many more may come, and the seconds until the window ends. None when nobody
        counts. Raises TooManyRequests."""
        if not self.per_minute:
            return None
        now = time.monotonic()
        taken = self._taken.get(user_id)
        if taken is None or not taken.unused or now >= taken.until:
            try:
                arguments = [self.per_minute, _WINDOW_SECONDS, _AT_ONCE]
                granted, left, wait = await self._take(keys=[f"wd:rate:{user_id}"], args=arguments)
            except RedisError as error:  # rather uncounted than not served
                log.warning("requests are not counted: %s", error)
                return None
            if not granted:
                seconds = math.ceil(wait / 1000)
                raise TooManyRequests(f"you may make {self.per_minute} requests in a minute: slow down", seconds)
            taken = _Taken(granted, left, now + wait / 1000)
            self._keep(user_id, taken, now)
        return taken.use(now)

    def _keep(self, user_id: str, taken: _Taken, now: float) -> None:
        before = self._taken.get(user_id)
        if before is not None and now < before.until:  # requests at the same moment have each taken some
            taken.unused += before.unused
        if len(self._taken) >= _MOST_USERS:
            self._taken = {user: one for user, one in self._taken.items() if one.unused and one.until > now}
        self._taken[user_id] = taken


class RateLimit:
    """ASGI middleware behind the authentication: refuses who asks too often, and tells the others how they stand."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app, self._rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("extensions", {}).get("connexion_context", {}).get("user")
        standing = await self._rates.take(user) if user else None
        if standing is None:
            await self._app(scope, receive, send)
            return
        left, seconds = standing

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(self._rates.per_minute)
                headers["RateLimit-Remaining"] = str(left)
                headers["RateLimit-Reset"] = str(seconds)
            await send(message)

        await self._app(scope, receive, send_with_headers)
