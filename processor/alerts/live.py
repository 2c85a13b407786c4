"""What happens on a live stream, as sightings that fit the rules of its user."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analytics.alerts.rule import Rule, Sighting, dwells_wanted, matches, stream_source
from analytics.scenes.levels import live_rules
from analytics.scenes.live import Happened, LiveScene, Present, runs
from analytics.scenes.scene import FOOT
from contracts.database.tables import Scene
from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND, TIME_BASE
from processor.alerts.live_rows import LiveStream

log = logging.getLogger(__name__)

# A sighting and the rule that it fits.
Fitting = tuple[Rule, Sighting]
# The labels by class number of a plan of the stream.
LabelsOf = Callable[[int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A scene as it is, followed with a time of dwelling."""

    scene: Scene
    dwell_ms: int | None
    follows: LiveScene

    def names(self, target: int) -> tuple[str | None, str | None]:
        """Of the zone or the line, and None for the other."""
        zones = len(self.scene.zones)
        if target < zones:
            return self.scene.zones[target]["name"], None
        return None, self.scene.lines[target - zones]["name"]


class StreamSightings:
    """Of one stream, whose results are given as they come. Keeps what it knows of tracks that have not ended."""

    def __init__(self, stream: LiveStream, labels_of: LabelsOf, told: set[Rule]) -> None:
        """told: rules whose failure has been logged, of this or another stream."""
        self._stream, self._labels_of, self._told = stream, labels_of, told
        self._tracks = _followed((), (), None)
        self._places: dict[tuple[str, int, int | None], _Place] = {}
        self._raised: dict[int, set[str]] = {}  # ids of the rules, by track
        self._broken: set[Rule] = set()  # which cannot be asked as they are

    def use(self, stream: LiveStream, scenes: Mapping[str, Scene]) -> None:
        """Go on with these rules. scenes: those that they name, as they are now; what is gone is not looked at."""
        self._stream = stream
        self._broken &= {rule for rule, _ in stream.rules}
        wanted: dict[tuple[str, int, int | None], _Place] = {}
        for scene_id, dwells in dwells_wanted(rule for rule, _ in stream.rules).items():
            if (scene := scenes.get(scene_id)) is None:
                continue
            for dwell_ms in dwells:
                key = (scene_id, scene.revision, dwell_ms)
                made = _Place(scene, dwell_ms, _followed(scene.zones, scene.lines, dwell_ms))
                wanted[key] = self._places.get(key, made)
        self._places = wanted

    def take(self, frames: Sequence[LiveFrame]) -> list[Fitting]:
        """What the next results show that fits a rule; of a track once for each rule. What a stream showed before it
        was started anew counts, by the clock that it had then."""
        return [one for run in runs(frames) for one in self._of_run(run)]

    def _of_run(self, frames: Sequence[LiveFrame]) -> list[Fitting]:
        newest = frames[-1]
        usual = Sighting(
            track=0,
            label="",
            score=0,
            begin=round(newest.arrival * 1000 - _ms(newest.pts)),  # of tick 0
            end=0,
            start=0,
            stream_id=self._stream.id,
            source=stream_source(self._stream.id),
        )
        found = list(self._of_tracks(frames, usual))
        for place in self._places.values():
            seen = [self._at(place, one, usual) for one in place.follows.take(frames)]
            rules = [one for one in self._stream.rules if one[0].search.scene_id == place.scene.id]
            found += [
                (rule, one) for one in seen for rule, since in rules if one.end >= since and self._fits(rule, one)
            ]
        return found

    def _of_tracks(self, frames: Sequence[LiveFrame], usual: Sighting) -> Iterable[Fitting]:
        self._tracks.take(frames)
        present = self._tracks.present
        rules = [(rule, since) for rule, since in self._stream.rules if rule.search.scene_id is None]
        for one in present if rules else ():
            sighting = replace(
                usual,
                track=one.track,
                label=self._label(one),
                score=one.score,
                begin=usual.begin + _ms(one.first),
                end=usual.begin + _ms(one.last),
                start=_ms(one.first),
            )
            raised = self._raised.setdefault(one.track, set())
            for rule, since in rules:
                if rule.id not in raised and sighting.end >= since and self._fits(rule, sighting):
                    raised.add(rule.id)
                    yield rule, sighting
        self._raised = {one.track: self._raised[one.track] for one in present if one.track in self._raised}

    def _at(self, place: _Place, one: Happened, usual: Sighting) -> Sighting:
        event, at = one.event, usual.begin + _ms(one.event.time)
        zone, line = place.names(event.target)
        return replace(
            usual,
            track=event.track,
            label=self._label(one),
            score=one.score,
            begin=at,
            end=at,
            start=_ms(event.time),
            scene_id=place.scene.id,
            event=event.type,
            direction=event.direction,
            dwell_ms=place.dwell_ms,
            ongoing=one.ongoing,
            zone=zone,
            line=line,
        )

    def _fits(self, rule: Rule, sighting: Sighting) -> bool:
        """Whether a sighting fits a rule. One that cannot be asked keeps no other from being told, and is not asked
        again before it is changed."""
        if rule in self._broken:
            return False
        try:
            return matches(rule, sighting)
        except Exception:
            if rule not in self._told:
                log.exception("rule %s raises no alerts", rule.id)
            self._told.add(rule)
            self._broken.add(rule)
            return False

    def _label(self, one: Happened | Present) -> str:
        """By the model that made it, which may have been another one than now."""
        labels = self._labels_of(one.plan)
        return labels[one.class_id] if one.class_id < len(labels) else f"class {one.class_id}"


def _followed(zones: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]], dwell: int | None) -> LiveScene:
    rules = live_rules(TIME_BASE, dwell=None if dwell is None else dwell / 1000)
    return LiveScene(zones, lines, rules, FOOT, TIME_BASE)


def _ms(ticks: int) -> int:
    return ticks * 1000 // TICKS_PER_SECOND
