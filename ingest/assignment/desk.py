"""The blocking half of the assignment: one conversation with Redis per second, in a thread of its own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import redis

from contracts.coordination import names
from contracts.coordination.leases import Locks, LockState
from contracts.live import presence
from contracts.live.presence import IngestPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import StreamSpec
from contracts.workers.registration import live_ingests
from ingest.assignment.balance import Newcomers, may_take
from ingest.assignment.lease import LEASE_SECONDS, Lease
from ingest.assignment.membership import Membership


@dataclass(frozen=True, slots=True)
class Taken:
    """A stream that was taken. sealed_address: empty for kinds without one."""

    spec: StreamSpec
    sealed_address: bytes
    lease: Lease


@dataclass(frozen=True, slots=True)
class Turn:
    """What one conversation found. specs: all streams. lost: ids of those that others have now. given_up: ids of those
    that are left to ingests which have come."""

    specs: Mapping[str, StreamSpec]
    addresses: Mapping[str, bytes]
    lost: frozenset[str]
    taken: list[Taken] = field(default_factory=list)
    given_up: frozenset[str] = frozenset()


class Desk:
    """Used by one thread at a time. Each method raises RedisError."""

    def __init__(self, client: "redis.Redis", membership: Membership) -> None:
        self._redis = client
        self._membership = membership
        self._registry = StreamRegistry(client)
        self._locks = Locks(client)
        self._revision: int | None = None
        self._specs: dict[str, StreamSpec] = {}
        self._addresses: dict[str, bytes] = {}
        self._free_since: dict[str, float] = {}
        self._newcomers = Newcomers()

    @property
    def has_senders(self) -> bool:
        """Whether there are streams that senders come to by themselves, by WHIP."""
        return any(spec.kind == "webrtc" for spec in self._specs.values())

    def turn(self, held: Mapping[str, Lease], seen: Mapping[str, IngestPresence]) -> Turn:
        """Renew, read and take. held: streams of this ingest. seen: what it knows of them."""
        self._membership.renew(len(held))
        lost = frozenset(stream_id for stream_id, lease in held.items() if not self._renew(lease))
        for stream_id, known in seen.items():
            if stream_id not in lost:
                presence.write(self._redis, stream_id, known)
        self._read_changes(held)
        return Turn(self._specs, self._addresses, lost, self._take(held), self._given_up(held))

    def find(self, stream_id: str) -> StreamSpec | None:
        """A stream as it is now."""
        return self._registry.read().get(stream_id)

    def take(self, spec: StreamSpec) -> Taken | None:
        """Take a stream at once; None where another ingest has it."""
        lease = Lease(self._membership.instance, spec.id)
        asked_at = lease.now()
        if not self._locks.acquire(lease.name, lease.owner, LEASE_SECONDS):
            return None
        lease.renewed(asked_at)
        return Taken(spec, self._registry.sealed_address(spec.id), lease)

    def release(self, stream_id: str, lease: Lease, *, forget: bool) -> None:
        """Give a stream back. forget: nobody reads it on, so its presence is removed."""
        if forget and self._renew(lease):
            presence.clear(self._redis, stream_id, IngestPresence)
        self._locks.release(lease.name, lease.owner)

    def _renew(self, lease: Lease) -> bool:
        asked_at = lease.now()
        if self._locks.renew(lease.name, lease.owner, LEASE_SECONDS) is LockState.LOST:
            return False
        lease.renewed(asked_at)
        return True

    def _read_changes(self, held: Mapping[str, Lease]) -> None:
        revision = self._registry.revision()
        if revision != self._revision:
            found = self._registry.read()
            # A number that falls is that of a Redis which was emptied: what is missing there may only not be back yet.
            emptied = self._revision is not None and revision < self._revision
            self._specs = {**self._specs, **found} if emptied else found
            self._addresses = {one: self._registry.sealed_address(one) for one in held if one in self._specs}
            self._revision = revision

    def _take(self, held: Mapping[str, Lease]) -> list[Taken]:
        wanted = self._wanted()
        others = {names.stream_ingest(spec.id): spec for spec in wanted if spec.id not in held}
        free = [others[name] for name in self._locks.free(list(others))]
        now = time.monotonic()
        self._free_since = {spec.id: self._free_since.get(spec.id, now) for spec in free}
        if not free:
            return []
        ingests, own = len(live_ingests(self._redis)), len(held)
        taken: list[Taken] = []
        for spec in free:
            if may_take(own + len(taken), len(wanted), ingests, now - self._free_since[spec.id]):
                found = self.take(spec)
                taken += [] if found is None else [found]
        return taken

    def _given_up(self, held: Mapping[str, Lease]) -> frozenset[str]:
        """The streams of this ingest that one which has come is to take."""
        wanted = self._wanted()
        own = [spec.id for spec in wanted if spec.id in held]
        if not own:
            return frozenset()
        names = [one.instance for one in live_ingests(self._redis)]
        surplus = self._newcomers.surplus(names, len(own), len(wanted), time.monotonic())
        return frozenset(own[len(own) - surplus :])

    def _wanted(self) -> list[StreamSpec]:
        """The streams that ingests take by themselves."""
        return [spec for spec in self._specs.values() if spec.wanted == "running" and spec.kind != "webrtc"]
