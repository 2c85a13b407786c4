"""How often a login may fail and a user be made, counted in a real Valkey."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.access.login_throttle import LoginThrottle
from contracts.errors import TooManyLogins, TooManyRegistrations
from tests.support.servers.valkey import Valkey

HOME, ATTACKER = "198.51.100.1", "203.0.113.66"


@pytest.fixture
def client(valkey: Valkey) -> "redis.Redis":
    client = redis.Redis.from_url(valkey.url)
    client.flushdb()
    return client


def fails(throttle: LoginThrottle, name: str, address: str | None, times: int) -> None:
    for _ in range(times):
        throttle.begin(name, address)


def test_name_is_blocked_after_failures_for_at_most_a_minute(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 3, 100)
    fails(throttle, "alice", ATTACKER, 3)
    with pytest.raises(TooManyLogins) as first:
        throttle.begin("alice", ATTACKER)
    with pytest.raises(TooManyLogins) as second:
        throttle.begin("alice", "192.0.2.9")  # nor does another address help
    assert (first.value.first, second.value.first) == (True, False)
    assert 1 <= (first.value.retry_seconds or 0) <= 60
    fails(throttle, "bob", ATTACKER, 1)
    for key in client.scan_iter("wd:login:*"):  # what is refused makes the wait no longer
        assert 0 < client.ttl(key) <= 60


def test_address_is_blocked_for_any_names(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 3, 5)
    for number in range(5):
        throttle.begin(f"user-{number}", ATTACKER)
    with pytest.raises(TooManyLogins):
        throttle.begin("user-5", ATTACKER)
    throttle.begin("user-5", HOME)


def test_owner_logs_in_from_a_known_address_while_others_guess(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 3, 100)
    throttle.succeeded(throttle.begin("alice", HOME))
    fails(throttle, "alice", ATTACKER, 3)
    with pytest.raises(TooManyLogins):
        throttle.begin("alice", ATTACKER)
    throttle.succeeded(throttle.begin("alice", HOME))
    fails(throttle, "alice", HOME, 3)  # who sits at that place may not guess for ever either
    with pytest.raises(TooManyLogins):
        throttle.begin("alice", HOME)


def test_successful_logins_are_not_counted(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 2, 2)
    for _ in range(10):
        throttle.succeeded(throttle.begin("alice", HOME))
    fails(throttle, "alice", HOME, 2)
    with pytest.raises(TooManyLogins):
        throttle.begin("alice", HOME)


def test_ipv6_addresses_of_one_network_count_as_one(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 0, 2)
    fails(throttle, "alice", "2001:db8:1:2::1", 1)
    fails(throttle, "bob", "2001:db8:1:2:ffff::9", 1)
    with pytest.raises(TooManyLogins):
        throttle.begin("carol", "2001:db8:1:2::3")
    throttle.begin("carol", "2001:db8:1:3::3")


def test_registrations_per_address_are_limited(client: "redis.Redis") -> None:
    throttle = LoginThrottle(client, 1, 1, registrations=3)
    for _ in range(3):
        throttle.register(ATTACKER)
    with pytest.raises(TooManyRegistrations) as first:
        throttle.register(ATTACKER)
    with pytest.raises(TooManyRegistrations) as second:
        throttle.register(ATTACKER)
    assert (first.value.first, second.value.first) == (True, False)
    assert 1 <= (first.value.retry_seconds or 0) <= 60
    throttle.register(HOME)
    throttle.begin("alice", ATTACKER)  # a login is another matter


def test_throttle_is_off_without_limit_or_redis(client: "redis.Redis") -> None:
    fails(LoginThrottle(client, 0, 0), "alice", None, 50)
    for _ in range(50):
        LoginThrottle(client, 1, 1).register(HOME)
    away = LoginThrottle(redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)), 1, 1, 1)
    for _ in range(3):
        away.register(HOME)
        away.succeeded(away.begin("alice", HOME))


def test_names_are_not_stored_in_plain_text(client: "redis.Redis") -> None:
    fails(LoginThrottle(client, 3, 3), "my-password-by-mistake", HOME, 1)
    keys = [key.decode() for key in client.scan_iter("*")]
    assert keys
    assert not any("password" in key for key in keys)
