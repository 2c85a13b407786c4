"""Numbers of the plans of a stream."""

from msgspec.structs import replace

from contracts.live.plans import number_of, revision_of
from contracts.wire.messages import Options, Plan

PLAN = Plan("m", "0", "openvino", "fp32", Options())


def test_detectors_with_another_precision_do_not_overwrite_each_others_plans() -> None:
    assert number_of(3, PLAN) != number_of(3, replace(PLAN, precision="int8"))
    assert number_of(3, PLAN) == number_of(3, replace(PLAN))


def test_numbers_rise_with_the_revision_and_fit_into_63_bits() -> None:
    numbers = [number_of(revision, PLAN) for revision in (1, 2, 3, 2**31 - 1)]
    assert numbers == sorted(numbers)
    assert numbers[-1] < 2**63
    assert [revision_of(number) for number in numbers] == [1, 2, 3, 2**31 - 1]
