"""JSON sent by clients: strict, and within what the tables and the messages can hold."""

import json
import math
import re
from typing import Any

import msgspec

from contracts.errors import Malformed

# What msgspec raises for bytes of a client that are no JSON document, or not the one that is asked for.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST_INTEGER = 2**63 - 1
_MOST_DIGITS = len(str(_MOST_INTEGER))
_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
# Not after an odd number of backslashes, of which the last one is meant itself.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def parse(data: bytes, what: str) -> Any:
    """The value of a JSON document. what: its name, for the message.

    Raises Malformed, also for half a surrogate pair, for the character NUL, for NaN and infinity, and for integers of
    more than 64 bits: the standard library takes them, the tables do not.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        if _HALF_A_PAIR.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except _NotHeld as error:
        raise Malformed(f"{what}: {error}, send one that 64 bits hold") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what} is not JSON in UTF-8, or is nested too deeply: send valid JSON") from error
    if _NUL.search(data):
        raise Malformed(f"{what} contains the character NUL (\\u0000), which is in no text: leave it out")
    return value


class _NotHeld(ValueError):
    """A number that 64 bits do not hold."""


def _refuse(name: str) -> None:
    raise _NotHeld(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _NotHeld("a number is too large")
    return value


def _whole(text: str) -> int:
    # The length first: the time to convert grows with its square.
    if len(text) > _MOST_DIGITS + 1 or abs(value := int(text)) > _MOST_INTEGER:
        raise _NotHeld("an integer is too large")
    return value
