"""The plans in `keys.plans` and their numbers: of a revision of a stream, and of what a detector made of it. Two
detectors may analyse one revision with another engine or precision, and each result names its own plan."""

import zlib
from typing import Any

import msgspec

from contracts.errors import UnsupportedSchema, WebDetectorError
from contracts.models.catalogue import Catalogue
from contracts.wire.messages import Plan, decode, encode

_DIGEST_BITS = 32


class LivePlan(Plan, frozen=True):
    """A plan with the labels of its model by class number, as they were: another model may have the same id later. ()
    where an earlier release wrote it."""

    labels: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """Without the labels."""
        return Plan(**_fields(self))


def kept(plan: Plan, labels: tuple[str, ...]) -> bytes:
    """A plan as it is stored."""
    return encode(LivePlan(**_fields(plan), labels=labels))


def labels_of(data: bytes | None, catalogue: Catalogue) -> tuple[str, ...]:
    """The labels of what is stored as a plan; () where that, or its model, is not known."""
    if data is None:
        return ()
    try:
        plan = decode(data, LivePlan)
        return plan.labels or catalogue.get(plan.model).labels
    except (msgspec.DecodeError, UnsupportedSchema, WebDetectorError):  # of a later release, or removed
        return ()


def number_of(revision: int, plan: Plan) -> int:
    """The number of a plan, at most 63 bits; it rises with the revision. revision: below 2**31."""
    return revision << _DIGEST_BITS | zlib.crc32(encode(plan))


def analysis_of(number: int) -> int:
    """What is the same for plans that differ by their revision alone."""
    return number & (1 << _DIGEST_BITS) - 1


def revision_of(number: int) -> int:
    """The revision that a plan is of."""
    return number >> _DIGEST_BITS


def _fields(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in Plan.__struct_fields__}
