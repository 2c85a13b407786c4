"""What `to_supervision` gives is taken by supervision itself: by the pinned package of requirements/bench.txt, whose
environment the long tier sets up."""

import json
import subprocess
import sysconfig
from typing import Any

from tests.support.deployments.service import ROOT
from tests.support.requirements import missing

_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
_PROGRAM = """
import json, sys
sys.path.append(sys.argv[1])
import msgspec, numpy, supervision
from web_detector import Frame, to_supervision

def told(found):
    assert isinstance(found, supervision.Detections)
    columns = {name: getattr(found, name) for name in ("xyxy", "confidence", "class_id", "tracker_id")}
    columns["class_name"] = found["class_name"]
    return {name: None if column is None else column.tolist() for name, column in columns.items()}

first, *others = [to_supervision(frame) for frame in msgspec.json.decode(sys.stdin.buffer.read(), type=list[Frame])]
zone = supervision.PolygonZone(numpy.array([[0, 0], [50, 0], [50, 50], [0, 50]]))
print(json.dumps({
    "first": told(first),
    "others": [told(one) for one in others],
    "sure": told(first[first.confidence > 0.5]),
    "in_zone": zone.trigger(first).tolist(),
    "smoothed": told(supervision.DetectionsSmoother().update_with_detections(first)),
}))
"""


def asked(frames: list[dict[str, Any]]) -> dict[str, Any]:
    if not _PYTHON.exists():
        missing("the environment of requirements/bench.txt is missing: make test-long sets it up")
    # What web_detector needs besides is in this test's environment, after all that is in the other one.
    command = [str(_PYTHON), "-c", _PROGRAM, sysconfig.get_path("purelib")]
    done = subprocess.run(command, input=json.dumps(frames).encode(), cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seen(number: int, *detections: dict[str, Any]) -> dict[str, Any]:
    return {"frame": number, "time_ms": 40.0 * number, "detections": list(detections)}


CAR: dict[str, Any] = {"label": "car", "class_id": 2, "score": 0.75, "box": [10.5, 20.0, 30.0, 40.25]}
DOG: dict[str, Any] = {"label": "dog", "class_id": 16, "score": 0.25, "box": [60.0, 60.0, 90.0, 90.0]}


def test_detections_are_those_of_supervision() -> None:
    found = asked([seen(0, CAR | {"track": 7}, DOG | {"track": 9}), seen(1, CAR | {"track": 7}, DOG), seen(2)])
    car = {"xyxy": [CAR["box"]], "confidence": [0.75], "class_id": [2], "tracker_id": [7], "class_name": ["car"]}
    assert found["first"] == {
        "xyxy": [CAR["box"], DOG["box"]],
        "confidence": [0.75, 0.25],
        "class_id": [2, 16],
        "tracker_id": [7, 9],
        "class_name": ["car", "dog"],
    }
    assert found["sure"] == car
    assert found["in_zone"] == [True, False]
    assert found["smoothed"]["tracker_id"] == [7, 9]
    partly, empty = found["others"]
    assert partly["tracker_id"] is None, "supervision's trackers and lines take a number for each object, or none"
    assert empty == {"xyxy": [], "confidence": [], "class_id": [], "tracker_id": None, "class_name": []}
