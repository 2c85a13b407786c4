"""What the autoscaler makes of bursts, a day and streams, by size and signal.

    make bench-autoscaler [SPEED=25] [START=45]

SPEED: frames per second of a detector. START: seconds from the decision for a pod to its first chunk.
"""

import sys
from statistics import fmean

from benchmarks.scaling_simulator.hpa import Autoscaler, Behavior, Policy
from benchmarks.scaling_simulator.model import Detectors, Signal, Trace, jobs, streams
from benchmarks.scaling_simulator.workloads import DAY, burst, cameras, day

_SIZES = (1, 10, 100, 1000, 10_000)
_HOUR = 3600


def bursts(speed: float, start: int) -> None:
    """Jobs for n detectors and a minute, all at once, with one pod there."""
    print("\nburst: work of n detectors for 60 s; pods at most, seconds until it is done")
    print(f"{'n':>6}", *(f"{signal.value + ', ' + name:>32}" for signal in Signal for name in ("KEDA", "Prometheus")))
    for pods in _SIZES:
        cells = []
        for signal in Signal:
            for lag in (5, 35):
                detectors = Detectors(speed=speed, start=start, lag=lag)
                trace = jobs(burst(pods * speed * detectors.target), _HOUR, Autoscaler(), detectors, signal)
                cells.append(f"{max(trace.replicas)}, {(trace.emptied(61) or _HOUR) - 60} s")
        print(f"{pods:>6}", *(f"{cell:>32}" for cell in cells))


def steady(speed: float, start: int) -> None:
    """A constant load, by behaviour."""
    print("\nconstant load of 100 detectors, hours 2 and 3: pods, and wait in seconds")
    for name, behavior in (
        ("at once", Behavior(down=(Policy(100, 15, percent=True),), down_window=0)),
        ("50 %/min, 300 s", Behavior(down=(Policy(50, 60, percent=True),), down_window=300)),
        ("10 %/min, 120 s", Behavior()),
    ):
        for lag in (5, 35):
            detectors = Detectors(speed=speed, start=start, lag=lag)
            trace = jobs(lambda _: 100 * speed, 3 * _HOUR, Autoscaler(behavior=behavior), detectors)
            late = trace.replicas[_HOUR:]
            wait = max(trace.waiting[_HOUR:]) / (100 * speed)
            print(f"  down {name:<16} lag {lag:>2} s: {min(late)} to {max(late)}, {wait:.0f} s")


def days(speed: float, start: int) -> None:
    """Jobs of a day, twice as many at noon as on average."""
    print("\nday: pods at most and on average, to those that its work needs on average")
    for pods in _SIZES:
        trace = jobs(day(pods * speed), DAY, Autoscaler(most=100_000), Detectors(speed=speed, start=start))
        print(f"  {pods:>6}: {max(trace.replicas)}, {fmean(trace.replicas) / pods:.2f}")


def coming_and_going(speed: float, start: int) -> None:
    """Streams of 10 frames/s."""
    print("\nstreams that come and go: pods at most, share of their frames that detectors were there for")
    for count in (10, 100, 1000, 10_000):
        load = cameras(count, 10.0, 4 * _HOUR)
        trace = streams(load, 4 * _HOUR, Autoscaler(), Detectors(speed=speed, start=start))
        print(f"  {count:>6}: {max(trace.replicas)}, {_served(trace, speed):.1%}")


def _served(trace: Trace, speed: float) -> float:
    done = sum(min(wanted, ready * speed) for wanted, ready in zip(trace.waiting, trace.ready, strict=True))
    return done / sum(trace.waiting)


def main(speed: float, start: int) -> None:
    """Entry point."""
    for part in (bursts, steady, days, coming_and_going):
        part(speed, start)


if __name__ == "__main__":
    main(float(sys.argv[1] or 25), int(sys.argv[2] or 45))
