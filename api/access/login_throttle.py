"""Throttling of failed logins and of registrations, against password guessing, without locking owners out for long.

Two windows of one minute, counted in Redis for all api processes: per user name and per client address. An address
from which the user logged in recently has a separate count, so that strangers who guess do not lock the owner out;
everybody else waits for the rest of the minute.
"""

import hashlib
import logging
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

import redis
from redis import RedisError

from contracts.errors import TooManyLogins, TooManyRegistrations
from contracts.network.address_rules import read_address

log = logging.getLogger(__name__)

_WINDOW_SECONDS = 60
_KNOWN_SECONDS = 30 * 86_400
_ONE_NETWORK_BITS = 64  # IPv6: a subscriber has at least a /64
# Attempts count when they start; otherwise concurrent ones would all pass. KEYS: counters; ARGV: window in seconds,
# then the limit of each. Returns for the first exceeded counter: its 1-based index, the excess, the seconds to its end.
_TAKE = """
local found = {0, 0, 0}
for place, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('EXPIRE', key, ARGV[1]) end
  local over = count - tonumber(ARGV[place + 1])
  if over > 0 and found[1] == 0 then found = {place, over, redis.call('TTL', key)} end
end
return found
"""
_GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end
end
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login attempt: its key of known addresses, and its counters."""

    known: str
    counts: tuple[str, ...]


class LoginThrottle:
    """per_name, per_address: failed logins per minute; registrations: per address and minute. 0: unlimited."""

    def __init__(self, client: "redis.Redis", per_name: int, per_address: int, registrations: int = 0) -> None:
        self._redis = client
        self._most = (per_name, per_address)
        self._registrations = registrations
        self._take = client.register_script(_TAKE)
        self._give_back = client.register_script(_GIVE_BACK)

    def begin(self, username: str, address: str | None) -> Attempt:
        """Count an attempt. Raises TooManyLogins; its `first` tells whether it is the first refusal of the window.

        Nothing is counted while Redis is down: each guess still costs the work of checking a password.
        """
        name = hashlib.sha256(username.encode()).hexdigest()[:32]  # hashed: some users type their password here
        place = _network(address)
        known = f"wd:login:known:{name}:{place}"
        try:
            own = f":{place}" if self._redis.exists(known) else ""
            keys = (f"wd:login:name:{name}{own}", f"wd:login:from:{place}")
            limits = {key: most for key, most in zip(keys, self._most, strict=True) if most}
            which, over, seconds = self._take(keys=list(limits), args=[_WINDOW_SECONDS, *limits.values()])
        except RedisError as error:
            log.warning("cannot count logins, Redis failed: %s", error)
            return Attempt(known, ())
        if which:
            raise TooManyLogins(
                "too many failed logins for this name or from your address: try again in a minute",
                seconds,
                first=over == 1,
            )
        return Attempt(known, tuple(limits))

    def register(self, address: str | None) -> None:
        """Count a registration. Raises TooManyRegistrations. Nothing is counted while Redis is down."""
        if not self._registrations:
            return
        try:
            keys, most = [f"wd:register:from:{_network(address)}"], self._registrations
            which, over, seconds = self._take(keys=keys, args=[_WINDOW_SECONDS, most])
        except RedisError as error:
            log.warning("cannot count registrations, Redis failed: %s", error)
            return
        if which:
            raise TooManyRegistrations(
                "too many registrations from your address: try again in a minute", seconds, first=over == 1
            )

    def succeeded(self, attempt: Attempt) -> None:
        """Record a successful login: uncount the attempt, and remember its address."""
        try:
            self._give_back(keys=list(attempt.counts))
            self._redis.set(attempt.known, 1, ex=_KNOWN_SECONDS)
        except RedisError as error:
            log.warning("a successful login stays counted as failed: %s", error)


def _network(address: str | None) -> str:
    if address is None:
        return "unknown"
    found = read_address(address)
    return str(IPv6Network((found, _ONE_NETWORK_BITS), strict=False)) if isinstance(found, IPv6Address) else str(found)
