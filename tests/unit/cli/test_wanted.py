"""What is asked of a job is checked before its video is uploaded."""

from typing import Any

import pytest

from api.requests.spec import spec
from cli.client.wanted import RANGES, check, labels_of
from web_detector import ServiceError
from web_detector.types import Model

MODELS = [Model(id="small", labels=("cat", "", "dog"), default=True), Model(id="large", labels=("bird",))]


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (None, {"labels": ["cat", "typo"]}, r"^small has no label 'typo'; it has: cat, dog$"),
        ("large", {"labels": ["cat"]}, r"^large has no label 'cat'; it has: bird$"),
        ("huge", {}, r"^there is no model 'huge'; the service has: small, large$"),
        (None, {"min_score": 0}, r"^min_score must be from 0.01 to 1, not 0$"),
        (None, {"min_score": float("nan")}, r"^min_score must be"),
        (None, {"fps": 301.5}, r"^fps must be from 0.1 to 300, not 301.5$"),
    ],
)
def test_what_would_be_refused_is_named(model: str | None, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ServiceError, match=says):
        check(lambda: MODELS, model, options)


def test_what_is_granted_is_asked_for_only_where_it_matters() -> None:
    check(lambda: MODELS, "large", {"labels": ["bird"], "min_score": 0.01, "frames": "fine", "fps": None})
    check(lambda: MODELS[1:], None, {"labels": ["cat"]})  # of whichever is the default there

    def asked() -> list[Model]:
        raise AssertionError

    check(asked, None, {"labels": None, "min_score": 1, "frames": "balanced"})


def test_a_label_counts_once() -> None:
    assert labels_of(" cat,dog ,,cat") == ["cat", "dog"]
    assert labels_of(" , ") is labels_of(None) is None


def test_numbers_are_checked_as_the_service_does() -> None:
    known = {
        name: (field["minimum"], field["maximum"])
        for schema in ("Options", "StreamOptions", "RecordingOptions", "Import")
        for name, field in spec()["components"]["schemas"][schema]["properties"].items()
        if name in RANGES and "minimum" in field
    }
    assert known == RANGES
