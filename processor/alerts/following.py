"""Asks alert rules about live streams: a thread of one processor of all follows the results of the streams that rules
look at. It reads on from the oldest results that are kept, so that another processor loses nothing; alerts that were
raised before are not raised again."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from analytics.alerts.rule import Rule, Sighting
from contracts.coordination import names
from contracts.live import keys
from contracts.live.plans import labels_of
from contracts.live.result_reader import ResultReader
from processor.alerts.failures import RuleFailures
from processor.alerts.live import Fitting, StreamSightings
from processor.alerts.live_rows import LiveRows, LiveStream
from processor.alerts.offering import offer
from processor.context import Services
from processor.user_share import leased

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
# After which rules, scenes and streams are read again, and labels that are not known.
REFRESH_SECONDS = 2.0
_MOST_PLANS = 1000  # whose labels are kept
_MOST_TRIES = 5  # of what the database does not take in time


def keep_following(services: Services) -> None:
    """Follow the streams that rules look at, in a thread of this process, unless some process does."""
    if not services.coordination.is_held(names.LIVE_ALERTS) and LiveRows(services.repository.engine).streams():
        threading.Thread(target=follow, args=(services, threading.Event()), name="live alerts", daemon=True).start()


def follow(services: Services, stopping: threading.Event) -> None:
    """Follow them while there are any, and this process has the lease. An error ends it: it is begun again."""
    try:
        with leased(services, names.LIVE_ALERTS) as held:
            if held is None:
                return
            log.info("alert rules are asked about live streams here")
            follower = Follower(services, held.renew)
            while follower.step() and not stopping.wait(PERIOD_SECONDS):
                pass
    except Exception:
        log.exception("alert rules cannot be asked about live streams, it is tried again in some seconds")


@dataclass(frozen=True, slots=True)
class _Offered:
    """What a user's rule is asked about. tries: so far."""

    user_id: str
    rule: Rule
    sightings: Sequence[Sighting]
    tries: int = 0


class Follower:
    """The streams that rules look at, and how far each was read. renew: renews the lease; False when another process
    has it."""

    def __init__(self, services: Services, renew: Callable[[], bool] = lambda: True) -> None:
        self._services, self._renew = services, renew
        self._rows, self._failures = LiveRows(services.repository.engine), RuleFailures(services.repository.engine)
        self._streams: dict[str, tuple[ResultReader, StreamSightings, LiveStream]] = {}
        self._labels: dict[tuple[str, int], Sequence[str]] = {}
        # Rules as they are that failed, which was logged, and whether the last results of each stream could be used.
        self._told: set[Rule] = set()
        self._usable: dict[str, bool] = {}
        self._late: list[_Offered] = []  # for which the database took too long: it is offered again
        self._refreshed = 0.0

    def step(self) -> bool:
        """Read the next results of each stream, one batch, so that they take turns, and raise alerts; False when no
        rule looks at any stream, or another process has the lease. Raises RedisError, SQLAlchemyError."""
        if time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            self._refresh()
            self._tell_late()
            self._refreshed = time.monotonic()
        return bool(self._streams) and all(self._advance(*one) for one in self._streams.values())

    def _advance(self, reader: ResultReader, sightings: StreamSightings, stream: LiveStream) -> bool:
        """Read one batch; False when another process has the lease."""
        if frames := reader.read():
            try:
                self._offer(stream, sightings.take(frames))
                self._note_stream(stream, usable=True)
            except (RedisError, SQLAlchemyError):
                raise
            except Exception:  # of one stream, which must not keep those of others from being told
                if self._usable.get(stream.id, True):
                    log.exception("results of stream %s raise no alerts", stream.id)
                self._note_stream(stream, usable=False)
        return self._renew()

    def _note_stream(self, stream: LiveStream, *, usable: bool) -> None:
        """Note whether the results of a stream can be used, where that has changed or is not known."""
        if self._usable.get(stream.id) is usable:
            return
        self._usable[stream.id] = usable
        self._failures.clear({rule.id for rule, _ in stream.rules} - {rule.id for rule in self._failing()})
        self._note_failing()

    def _failing(self) -> set[Rule]:
        """The rules that fail, also those for which the results of only some of their streams cannot be used."""
        unusable = [one for _, _, one in self._streams.values() if not self._usable.get(one.id, True)]
        return self._told.union(rule for one in unusable for rule, _ in one.rules)

    def _note_failing(self) -> None:
        for rule in self._failing():
            self._failures.note_error(rule)

    def _offer(self, stream: LiveStream, found: Sequence[Fitting]) -> None:
        for _, fitting in groupby(sorted(found, key=lambda one: one[0].id), key=lambda one: one[0].id):
            pairs = list(fitting)
            self._tell(_Offered(stream.user_id, pairs[0][0], [sighting for _, sighting in pairs]))
            if not self._renew():  # rules with many pictures take long
                return

    def _tell(self, one: _Offered) -> None:
        late = set[str]() if one.tries + 1 < _MOST_TRIES else None
        offer(self._services, one.user_id, one.sightings, [one.rule], told=self._told, late=late)
        if late:
            self._late.append(replace(one, tries=one.tries + 1))

    def _tell_late(self) -> None:
        late, self._late = self._late, []
        for one in late:
            self._tell(one)
            self._renew()  # each try may have taken as long as the database lets a statement take

    def _refresh(self) -> None:
        streams = self._rows.streams()
        rules = [rule for stream in streams for rule, _ in stream.rules]
        scenes = self._rows.scenes({rule.search.scene_id for rule in rules if rule.search.scene_id is not None})
        kept = {}
        for stream in streams:
            reader, sightings, _ = self._streams.get(stream.id) or self._begun(stream)
            sightings.use(stream, scenes)
            kept[stream.id] = (reader, sightings, stream)
        self._streams = kept
        self._told &= set(rules)
        self._usable = {stream: usable for stream, usable in self._usable.items() if stream in kept}
        self._note_failing()  # also again, where a job that they could be asked about has cleared it
        # What is not known is read again: the model may come later.
        known = {plan: labels for plan, labels in self._labels.items() if labels}
        self._labels = known if len(known) <= _MOST_PLANS else {}

    def _begun(self, stream: LiveStream) -> tuple[ResultReader, StreamSightings, LiveStream]:
        def labels_of(plan: int) -> Sequence[str]:
            if (stream.id, plan) not in self._labels:
                self._labels[stream.id, plan] = self._read_labels(stream.id, plan)
            return self._labels[stream.id, plan]

        return ResultReader(self._services.live, stream.id), StreamSightings(stream, labels_of, self._told), stream

    def _read_labels(self, stream_id: str, plan: int) -> Sequence[str]:
        data: Any = self._services.live.hget(keys.plans(stream_id), str(plan))
        return labels_of(data, self._services.catalogue)
