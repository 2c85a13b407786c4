"""The events of streams at scenes, made of the results that are in Redis."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import redis

from analytics.scenes.levels import live_rules
from analytics.scenes.live import Happened, LiveScene
from analytics.scenes.scene import FOOT
from api.live.result_lines import label_of
from api.results.scene_events import SceneEvents
from api.results.turns import Turns
from contracts.database.tables import Scene
from contracts.live.result_reader import ResultReader
from contracts.live.streams import TIME_BASE

# Of one stream at one scene, the newest.
_MOST_EVENTS = 10_000
_MOST_READERS = 64
_MOST_READERS_OF_USER = 32
# Who has read so lately has little to read: results are kept for minutes.
_CURRENT_SECONDS = 30.0

# The labels by class number of the plan with a number, of a stream.
Labels = Callable[[str, int], tuple[str, ...]]


class SceneReader:
    """The events of one stream at one scene as it was when this was made. Several threads may use it."""

    def __init__(
        self,
        client: "redis.Redis",
        stream_id: str,
        scene: Scene,
        linger: int | None = None,
        dwell: float | None = None,
        anchor: str = FOOT,
    ) -> None:
        self._reader = ResultReader(client, stream_id)
        rules = live_rules(TIME_BASE, linger, dwell)
        self._scene = LiveScene(scene.zones, scene.lines, rules, anchor, TIME_BASE)
        self._zones = tuple(zone["name"] for zone in scene.zones)
        self._lines = tuple(line["name"] for line in scene.lines)
        self._events: deque[Happened] = deque(maxlen=_MOST_EVENTS)
        self._lock = threading.Lock()
        self._id = stream_id
        self._advanced = -_CURRENT_SECONDS  # when all was read
        self._arrival = 0.0  # of the frame of the newest result

    def advance(self) -> list[Happened]:
        """Read what has come since, and return the new events. Raises RedisError."""
        found: list[Happened] = []
        with self._lock:
            while frames := self._reader.read():
                runs = self._scene.runs
                new = self._scene.take(frames)
                if self._scene.runs != runs:
                    found = []
                    self._events.clear()
                self._arrival = frames[-1].arrival
                self._events += new
                found += new
            self._advanced = time.monotonic()
        return found

    @property
    def is_current(self) -> bool:
        """Whether it has read all but what came in the last seconds."""
        return time.monotonic() - self._advanced < _CURRENT_SECONDS

    def settled(self, labels_of: Labels, asked: Sequence[str], started: float) -> tuple[SceneEvents, int]:
        """The events of the results that are kept, in order, without those near which others may still come; and the
        time from which on these are. labels_of, asked: see `shown`. started: Unix seconds of the last start. Raises
        RedisError."""
        with self._lock:
            oldest = self._reader.oldest()
            since = oldest.pts if oldest is not None and oldest.arrival >= started else 0
            until = max(0, self._scene.settled) if self._arrival >= started else 0
            found = sorted((one for one in self._events if since <= one.event.time < until), key=lambda one: one.order)
        return self.shown(found, labels_of, asked), until

    def shown(self, found: Sequence[Happened], labels_of: Labels, asked: Sequence[str] = ()) -> SceneEvents:
        """Events as the API shows them: each is labelled by the model that made it, so that a change of the stream's
        model renames nothing. asked: labels that there are though no event has them."""
        known = {one.event.track: one for one in found}
        tracks = sorted(known)
        of_plans = {plan: labels_of(self._id, plan) for plan in {one.plan for one in found}}
        names = [label_of(of_plans[known[track].plan], known[track].class_id) for track in tracks]
        labels = list(dict.fromkeys((*asked, *names)))
        places = {name: place_of for place_of, name in enumerate(labels)}
        return SceneEvents(
            events=[one.event for one in found],
            zones=self._zones,
            lines=self._lines,
            labels=tuple(labels),
            track=np.array(tracks, np.int64),
            class_id=np.array([places[name] for name in names], np.int64),
            score=np.array([known[track].score for track in tracks], np.int64),
            time_base=TIME_BASE,
            first_time=0,
            last_time=0,
        )


class SceneReaders:
    """Those that were asked last, so that who asks again reads what is new alone. One that has read nothing for a while
    waits for its turn, so that many questions of another kind each take no more than a share of this process."""

    def __init__(self, turns: Turns, most_of_user: int = _MOST_READERS_OF_USER) -> None:
        self._turns, self._most_of_user = turns, most_of_user
        self._kept: OrderedDict[tuple[str, Hashable], SceneReader] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, user: str, key: Hashable, make: Callable[[], SceneReader]) -> SceneReader:
        """The reader of a key, made where there is none, with all results that are there now. Raises EventsBusy,
        RedisError."""
        reader = self._reader(user, key, make)
        if reader.is_current:
            reader.advance()
        else:
            with self._turns.asked(user), self._turns.taken():
                reader.advance()
        return reader

    def _reader(self, user: str, key: Hashable, make: Callable[[], SceneReader]) -> SceneReader:
        with self._lock:
            if (user, key) not in self._kept:
                self._kept[user, key] = make()
                own = [one for one in self._kept if one[0] == user]
                for one in own[: -self._most_of_user]:  # its own first: it takes the place of no other user
                    del self._kept[one]
                while len(self._kept) > _MOST_READERS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((user, key))
            return self._kept[user, key]


def message_fields(scene_id: str, document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a message about an event. document: as in a list of events; its type is another than that of the
    message."""
    return {"scene": scene_id, "event": document.pop("type"), **document}
