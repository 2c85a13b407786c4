"""When a file was recorded, by its name."""

import re
from datetime import UTC, datetime, tzinfo

# Year, month, day, hour, minute and second, with or without marks between them, as cameras, recorders and phones write
# them: 2026-11-29_14-30-05, 20261129T143005Z, VID_20261129_143005, 2026.11.29 14.30.05.
_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-._]?(\d\d)[-._]?(\d\d)[-._ T]{0,2}(\d\d)[-._:h]?(\d\d)[-._:m]?(\d\d)(Z?)(?!\d)"
)


def recorded_at(name: str, zone: tzinfo | None) -> datetime | None:
    """The time in a file's name; None where there is none, or more than one. zone: of times without a Z, None for that
    of this machine."""
    found = _TIME.findall(name)
    if len(found) != 1:
        return None
    year, month, day, hour, minute, second, utc = found[0]
    try:
        numbers = (int(part) for part in (year, month, day, hour, minute, second))
        local = datetime(*numbers)  # type: ignore[arg-type]
    except ValueError:  # such as month 13
        return None
    if utc:
        return local.replace(tzinfo=UTC)
    # The machine's zone is asked at each time: its offset of now is wrong for half of the year.
    return local.replace(tzinfo=zone) if zone else local.astimezone()
