"""How detectors are scaled: the algorithm as Kubernetes documents it, and what comes of it in the model."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from benchmarks.scaling_simulator.hpa import TOLERANCE, Autoscaler, Behavior, Policy, by_average, by_value
from benchmarks.scaling_simulator.model import Detectors, Signal, jobs, streams
from benchmarks.scaling_simulator.workloads import burst, cameras
from tests.support.deployments.service import ROOT

KEDA, PROMETHEUS = Detectors(lag=5), Detectors(lag=35)
HOUR = 3600


def constant(pods: int) -> Callable[[int], float]:
    """Frames per second that keep so many detectors busy."""
    return lambda now: pods * KEDA.speed


@pytest.mark.parametrize(
    ("total", "replicas", "pods"), [(50, 10, 50), (21, 20, 20), (19, 20, 20), (23, 20, 23), (17, 20, 17), (0, 10, 0)]
)
def test_an_average_is_divided_by_the_target_unless_it_is_near(total: int, replicas: int, pods: int) -> None:
    assert by_average(total, 1.0, replicas) == pods


def test_a_value_is_multiplied_by_the_pods_that_are_ready() -> None:
    assert by_value(5.0, 1.0, replicas=50, ready=10) == 50
    assert by_value(5.0, 1.0, replicas=50, ready=50) == 250
    assert by_value(1.05, 1.0, replicas=50, ready=10) == 50


def test_it_grows_by_the_policy_that_lets_more_change() -> None:
    scaler = Autoscaler()
    found, now = [1], 0.0
    for _ in range(9):
        found.append(scaler.replicas(now, found[-1], 1000))
        now += 15
    # 10 pods, or as many as there were 30 seconds ago, whichever is more.
    assert found == [1, 11, 11, 22, 22, 44, 44, 88, 88, 176]


def test_it_shrinks_to_the_most_that_was_recommended_in_the_window_and_slowly() -> None:
    scaler = Autoscaler(behavior=Behavior(down=(Policy(50, 60, percent=True),), down_window=60))
    found = [scaler.replicas(0.0, 100, 100)]
    for now in range(15, 150, 15):
        found.append(scaler.replicas(float(now), found[-1], 10))
    assert found == [100, 100, 100, 100, 50, 50, 50, 50, 25, 25]


def test_it_stays_within_its_bounds() -> None:
    scaler = Autoscaler(least=2, most=5)
    assert scaler.replicas(0.0, 3, 1000) == 5
    assert Autoscaler(least=2, most=5).replicas(0.0, 3, 0) == 2


@pytest.mark.parametrize("component", ["hpa", "keda"])
def test_the_model_scales_as_the_manifests_say(component: str) -> None:
    file = ROOT / f"deploy/kubernetes/components/{component}/detectors.yaml"
    for found in yaml.safe_load_all(file.read_text()):
        spec = found["spec"]
        behavior = spec.get("behavior") or spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert policies(behavior["scaleUp"]) == Behavior().up
        assert policies(behavior["scaleDown"]) == Behavior().down
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == Behavior().down_window
        assert "stabilizationWindowSeconds" not in behavior["scaleUp"]
        assert Behavior().up_window == 0


def policies(rules: dict[str, Any]) -> tuple[Policy, ...]:
    return tuple(Policy(one["value"], one["periodSeconds"], one["type"] == "Percent") for one in rules["policies"])


@pytest.mark.parametrize("pods", [1, 10, 100, 1000, 10_000])
def test_a_burst_is_done_within_the_target_after_the_pods_have_started(pods: int) -> None:
    trace = jobs(burst(pods * KEDA.speed * KEDA.target), 2 * HOUR, Autoscaler(), KEDA)
    emptied = trace.emptied(after=61)
    assert emptied is not None
    # From one pod: 10 more, then twice as many every 30 seconds; then their start, and the target. To that the age of
    # the metric, two looks of the autoscaler and the last chunk.
    last = KEDA.lag + 2 * 15 + KEDA.chunk / KEDA.speed
    doublings, there = 0, 11
    while there < pods:
        doublings, there = doublings + 1, there * 2
    assert emptied - 60 <= 30 * (1 + doublings) + KEDA.start + KEDA.target + last
    assert max(trace.replicas) <= pods
    assert trace.replicas[-1] == 1
    assert trace.reversals() <= 1


def test_pods_that_go_as_fast_as_they_are_wanted_less_do_not_get_a_burst_done_in_time() -> None:
    pods = 100
    load = burst(pods * KEDA.speed * KEDA.target, at=1)
    at_once = Behavior(down=(Policy(100, 15, percent=True),), down_window=0)
    kept = jobs(load, HOUR, Autoscaler(), KEDA, pods=pods).emptied(after=2)
    left = jobs(load, HOUR, Autoscaler(behavior=at_once), KEDA, pods=pods).emptied(after=2)
    assert kept is not None
    assert kept <= 2 * KEDA.target
    assert left is None or left > 2 * kept


@pytest.mark.parametrize("pods", [1, 10, 100, 1000, 10_000])
@pytest.mark.parametrize(("detectors", "sway"), [(KEDA, 0.15), (PROMETHEUS, 0.4)], ids=["keda", "prometheus"])
def test_a_steady_load_gets_the_pods_that_it_needs(pods: int, detectors: Detectors, sway: float) -> None:
    trace = jobs(constant(pods), 3 * HOUR, Autoscaler(most=100_000), detectors)
    late = trace.replicas[HOUR:]
    assert pods - 1 - sway * pods <= min(late)
    assert max(late) <= pods + 1 + sway * pods
    # What comes waits about the target.
    assert max(trace.waiting[HOUR:]) <= 1.5 * detectors.target * pods * detectors.speed


def test_a_ratio_that_is_late_is_multiplied_by_pods_that_are_there_since() -> None:
    load, pods = burst(100 * KEDA.speed * KEDA.target), 100
    by_ratio = jobs(load, HOUR, Autoscaler(), PROMETHEUS, Signal.RATIO)
    by_number = jobs(load, HOUR, Autoscaler(), PROMETHEUS)
    assert max(by_number.replicas) <= pods
    assert max(by_ratio.replicas) > 1.5 * pods
    assert max(jobs(constant(pods), 2 * HOUR, Autoscaler(), PROMETHEUS, Signal.RATIO).replicas) > 4 * pods


@pytest.mark.parametrize("there", [1, 10, 100])
def test_the_length_of_the_queue_tells_nothing(there: int) -> None:
    """A backlog that ten detectors do in an hour, which is the target."""

    def most(queue_target: float, signal: Signal) -> int:
        detectors = Detectors(target=HOUR, queue_target=queue_target)
        load = burst(10 * detectors.speed * HOUR)
        return max(jobs(load, HOUR, Autoscaler(), detectors, signal, pods=there).replicas)

    assert most(5, Signal.WANTED) == max(10, there)
    # Below the window it adds pods as long as there are chunks, above it none.
    assert most(5, Signal.QUEUE) > max(100, there)
    assert most(7, Signal.QUEUE) == there


@pytest.mark.parametrize("detectors", [KEDA, PROMETHEUS], ids=["keda", "prometheus"])
@pytest.mark.parametrize("count", [20, 400, 20_000])
def test_streams_keep_the_detectors_that_they_need(count: int, detectors: Detectors) -> None:
    load, seconds = cameras(count, 10.0, 4 * HOUR), 4 * HOUR
    trace = streams(load, seconds, Autoscaler(), detectors)
    # New streams are waited for: the pods' start, the metric's age, and two looks of the autoscaler.
    late = detectors.start + detectors.lag + 30
    # From one pod on it takes minutes to have as many as the first streams need.
    for now in range(600, seconds - late, 15):
        lasting = min(load(at) for at in range(now, now + late))
        assert trace.ready[now + late] >= (1 - TOLERANCE) * lasting / detectors.speed - 1
