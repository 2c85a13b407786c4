"""The export for parsers of Amazon Rekognition, opened by Amazon's own one."""

import json
from functools import cache
from typing import Any

import msgspec
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import JSONParser

from api.results.selection import Query
from contracts.wire.messages import FrameRange
from tests.support.results.example_results import Made, block, header
from tests.support.results.exporting import exported


@cache
def shape() -> Any:
    model = ServiceModel(Loader().load_service_model("rekognition", "service-2"), "rekognition")
    return model.operation_model("GetLabelDetection").output_shape


def parsed(content: bytes) -> dict[str, Any]:
    """What a client of Amazon's library gets; members that are not in the service's model are dropped."""
    answer = JSONParser().parse({"body": content, "headers": {}, "status_code": 200}, shape())
    del answer["ResponseMetadata"]
    found: dict[str, Any] = answer
    return found


def made() -> Made:
    frames = [(0, 0, [(0, 9000), (1, 8000), (0, 5000)]), (1, 40, []), (2, 81, [(1, 7000)])]
    return Made(header(), [0], [block(frames)])


def test_amazons_client_reads_an_element_for_each_frame_and_label() -> None:
    answer = parsed(exported(made(), "rekognition"))
    assert answer == json.loads(exported(made(), "rekognition"))  # nothing that it does not know
    assert [(one["Timestamp"], one["Label"]["Name"]) for one in answer["Labels"]] == [
        (0, "cat"),
        (0, "dog"),
        (81, "dog"),
    ]
    cats = answer["Labels"][0]["Label"]
    assert [one["Confidence"] for one in cats["Instances"]] == [90.0, 50.0]
    assert cats["Confidence"] == 90.0
    expected = {"Width": 10 / 64, "Height": 15.25 / 48, "Left": 2 / 64, "Top": 2.25 / 48}
    assert cats["Instances"][1]["BoundingBox"] == {name: round(value, 6) for name, value in expected.items()}
    assert (answer["VideoMetadata"]["FrameWidth"], answer["VideoMetadata"]["DurationMillis"]) == (64, 4000)
    assert (answer["JobStatus"], "StatusMessage" in answer) == ("SUCCEEDED", False)


def test_only_selected_objects_are_in_it() -> None:
    answer = parsed(exported(made(), "rekognition", Query(labels=("dog",), min_score=0.75)))
    assert [(one["Timestamp"], len(one["Label"]["Instances"])) for one in answer["Labels"]] == [(0, 1)]


def test_missing_frames_of_a_partial_job_are_named() -> None:
    partial = made()
    partial.header = msgspec.structs.replace(partial.header, missing=(FrameRange(3, 9, "damaged"),))
    assert "3 to 9" in parsed(exported(partial, "rekognition"))["StatusMessage"]
