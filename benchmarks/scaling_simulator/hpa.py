"""The algorithm of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2), which KEDA uses too. No IO; it keeps what it
recommended and changed.

Names are those of its documentation. Both numbers that it can make of an external metric are here: an AverageValue is
divided by the target, a Value is multiplied by the pods that are ready.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor

TOLERANCE = 0.1
SYNC_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Most that may change within so many seconds: pods, or per cent of those at their beginning."""

    value: int
    seconds: float
    percent: bool = False

    def most(self, start: int) -> int:
        """Pods after it upwards, where there were start."""
        return ceil(start * (1 + self.value / 100)) if self.percent else start + self.value

    def least(self, start: int) -> int:
        """The same downwards."""
        return floor(start * (1 - self.value / 100)) if self.percent else start - self.value


@dataclass(frozen=True, slots=True)
class Behavior:
    """Of several policies the one counts that lets more change. Windows in seconds. The defaults are those of
    deploy/kubernetes."""

    up: tuple[Policy, ...] = (Policy(100, 30, percent=True), Policy(10, 30))
    down: tuple[Policy, ...] = (Policy(10, 60, percent=True),)
    up_window: float = 0.0
    down_window: float = 120.0


def by_average(total: float, target: float, replicas: int) -> int:
    """Pods by an AverageValue. total: the metric, over all pods. replicas: that are asked for now."""
    if replicas and abs(1 - total / (target * replicas)) <= TOLERANCE:
        return replicas
    return ceil(total / target)


def by_value(value: float, target: float, replicas: int, ready: int) -> int:
    """Pods by a Value."""
    ratio = value / target
    return replicas if abs(1 - ratio) <= TOLERANCE else ceil(ratio * ready)


@dataclass
class Autoscaler:
    """Of one Deployment."""

    least: int = 1
    most: int = 10_000
    behavior: Behavior = field(default_factory=Behavior)
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _changed: list[tuple[float, int]] = field(default_factory=list)

    def replicas(self, now: float, current: int, desired: int) -> int:
        """Pods that are asked for from now on. desired: by the metric. Called once every SYNC_SECONDS."""
        wished = self._limited(now, current, self._stabilized(now, current, desired))
        wished = min(max(wished, self.least), self.most)
        self._changed.append((now, wished - current))
        return wished

    def _stabilized(self, now: float, current: int, desired: int) -> int:
        """Up no further than the least, down no further than the most of those recommended in the window."""
        behavior = self.behavior
        kept = now - max(behavior.up_window, behavior.down_window)
        self._recommended = [(at, pods) for at, pods in self._recommended if at > kept]
        up = min([desired, *_since(self._recommended, now - behavior.up_window)])
        down = max([desired, *_since(self._recommended, now - behavior.down_window)])
        self._recommended.append((now, desired))
        return min(max(current, up), down)

    def _limited(self, now: float, current: int, wished: int) -> int:
        longest = max(policy.seconds for policy in (*self.behavior.up, *self.behavior.down))
        self._changed = [(at, pods) for at, pods in self._changed if at > now - longest]
        if wished > current:
            return min(wished, max(policy.most(self._start(now, current, policy)) for policy in self.behavior.up))
        if wished < current:
            return max(wished, min(policy.least(self._start(now, current, policy)) for policy in self.behavior.down))
        return current

    def _start(self, now: float, current: int, policy: Policy) -> int:
        """Pods at the beginning of a policy's time."""
        return current - sum(_since(self._changed, now - policy.seconds))


def _since(values: Sequence[tuple[float, int]], begin: float) -> list[int]:
    return [pods for at, pods in values if at > begin]
