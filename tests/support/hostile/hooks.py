"""For schemathesis, which loads it by SCHEMATHESIS_HOOKS: what it cannot know of this api."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")  # type: ignore[untyped-decorator]
def octets(_context: Any, value: Any) -> Any:
    """A piece of an upload."""
    return value if isinstance(value, bytes) else str(value).encode()
