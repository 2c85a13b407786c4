"""How often a login may fail, and a user be made: so that passwords cannot be tried out, and no owner is locked out for
long.

Two windows of a minute, counted in Redis for all processes of the api: one for the name, one for the address that it
comes from. An address from which the name logged in of late has a count of its own, so that strangers who guess do not
keep the owner out; others wait for the rest of a minute.
"""

import hashlib
import logging
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

import redis
from redis import RedisError

from api.outbound.address_rules import read_address
from contracts.errors import TooManyLogins, TooManyRegistrations

log = logging.getLogger(__name__)

_WINDOW_SECONDS = 60
_KNOWN_SECONDS = 30 * 86_400
_ONE_NETWORK_BITS = 64  # of IPv6, what one subscriber has at least
# An attempt counts when it begins, or many at once would all pass. KEYS: counts; ARGV: seconds, then the most of each.
# Returns, for the first that is over, its place from 1, how far it is over, and the seconds until it ends.
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
    """A login that is tried, with the keys of what counts it."""

    known: str
    counts: tuple[str, ...]


class LoginThrottle:
    """per_name, per_address: logins that may fail in a minute; registrations: users that may be made from an address
    in one. 0 for any number."""

    def __init__(self, client: "redis.Redis", per_name: int, per_address: int, registrations: int = 0) -> None:
        self._redis = client
        self._most = (per_name, per_address)
        self._registrations = registrations
        self._take = client.register_script(_TAKE)
        self._give_back = client.register_script(_GIVE_BACK)

    def begin(self, username: str, address: str | None) -> Attempt:
        """Count an attempt. Raises TooManyLogins; its `first` says whether it is the first that is refused.

        While Redis does not answer nothing is counted: each guess still costs what checking a password does.
        """
        name = hashlib.sha256(username.encode()).hexdigest()[:32]  # some type their password for it
        place = _network(address)
        known = f"wd:login:known:{name}:{place}"
        try:
            own = f":{place}" if self._redis.exists(known) else ""
            keys = (f"wd:login:name:{name}{own}", f"wd:login:from:{place}")
            limits = {key: most for key, most in zip(keys, self._most, strict=True) if most}
            which, over, seconds = self._take(keys=list(limits), args=[_WINDOW_SECONDS, *limits.values()])
        except RedisError as error:
            log.warning("logins are not counted: %s", error)
            return Attempt(known, ())
        if which:
            raise TooManyLogins(
                "too many logins failed, for this name or from where you are: wait for a minute",
                seconds,
                first=over == 1,
            )
        return Attempt(known, tuple(limits))

    def register(self, address: str | None) -> None:
        """Count that a user is to be made. Raises TooManyRegistrations. While Redis does not answer nothing is
        counted."""
        if not self._registrations:
            return
        try:
            keys, most = [f"wd:register:from:{_network(address)}"], self._registrations
            which, over, seconds = self._take(keys=keys, args=[_WINDOW_SECONDS, most])
        except RedisError as error:
            log.warning("registrations are not counted: %s", error)
            return
        if which:
            raise TooManyRegistrations(
                "too many users were made from where you are: wait for a minute", seconds, first=over == 1
            )

    def good(self, attempt: Attempt) -> None:
        """It was the right password: the attempt does not count, and where it came from is known."""
        try:
            self._give_back(keys=list(attempt.counts))
            self._redis.set(attempt.known, 1, ex=_KNOWN_SECONDS)
        except RedisError as error:
            log.warning("a good login is counted as a failed one: %s", error)


def _network(address: str | None) -> str:
    if address is None:
        return "unknown"
    found = read_address(address)
    return str(IPv6Network((found, _ONE_NETWORK_BITS), strict=False)) if isinstance(found, IPv6Address) else str(found)
