"""For schemathesis, which loads it by SCHEMATHESIS_HOOKS: what it cannot know of this api, and what it does not try."""

import json
import zlib
from typing import Any

import schemathesis

_JSON = "application/json"
# Of ten JSON bodies, so many go without their Content-Type, and so many with long arrays.
_OF, _UNTYPED, _LONG = 10, 1, 1
_ITEMS = 12_000


@schemathesis.serializer("application/offset+octet-stream", "application/sdp")  # type: ignore[untyped-decorator]
def octets(_context: Any, value: Any) -> Any:
    """A piece of an upload, an offer of a sender."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(_context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Change some bodies, the same ones with the same seed."""
    if case.media_type != _JSON or not isinstance(case.body, dict | list):
        return
    content = json.dumps(case.body).encode()
    turn = zlib.crc32(content) % _OF
    if turn < _UNTYPED:
        case.media_type, kwargs["data"] = None, content
    elif turn < _UNTYPED + _LONG:
        case.body = _lengthened(case.body)


def _lengthened(value: Any) -> Any:
    """The value with long arrays of objects, all different, in the place of its arrays."""
    if isinstance(value, dict):
        return {name: _lengthened(inner) for name, inner in value.items()}
    return [{"": number} for number in range(_ITEMS)] if isinstance(value, list) else value
