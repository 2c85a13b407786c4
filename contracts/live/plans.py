"""Numbers of the plans in `keys.plans`: of a revision of a stream, and of what a detector made of it. Two detectors may
analyse one revision with another engine or precision, and each result names its own plan."""

import zlib

from contracts.wire.messages import Plan, encode

_DIGEST_BITS = 32


def number_of(revision: int, plan: Plan) -> int:
    """The number of a plan, at most 63 bits; it rises with the revision. revision: below 2**31."""
    return revision << _DIGEST_BITS | zlib.crc32(encode(plan))


def analysis_of(number: int) -> int:
    """What is the same for plans that differ by their revision alone."""
    return number & (1 << _DIGEST_BITS) - 1


def revision_of(number: int) -> int:
    """The revision that a plan is of."""
    return number >> _DIGEST_BITS
