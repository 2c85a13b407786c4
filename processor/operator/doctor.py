"""Health check (`web-detector doctor`): checks each dependency of the service and gives advice."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from contracts.errors import WebDetectorError
from contracts.settings.table import Settings
from processor.operator import doctor_checks, stream_checks

State = Literal["good", "look", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """The outcome of one check. state: good, look (a warning) or bad."""

    part: str
    state: State
    seen: str
    advice: str = ""


def examine(settings: Settings, url: str) -> Iterator[Finding]:
    """Run all checks in order. url: of the api."""
    for part, check, needs in _PARTS:
        if missing := [name for name in needs if not getattr(settings, name)]:
            name = _NAMES.get(missing[0], missing[0].upper())
            yield Finding(part, "bad", f"{name} is not set", "start the service, or set it")
        else:
            yield _seen(part, lambda check=check: check(settings))  # type: ignore[misc]
    yield _seen("api", lambda: doctor_checks.api(url))


def _seen(part: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(part, "good", check())
    except doctor_checks.CheckFailed as error:
        return Finding(part, "bad" if error.bad else "look", error.seen, error.advice)
    except WebDetectorError as error:
        return Finding(part, "bad", error.detail)


_NAMES = {"coordination_url": "REDIS_URL"}
_Check = Callable[[Settings], str]
_PARTS: tuple[tuple[str, _Check, tuple[str, ...]], ...] = (
    ("database", doctor_checks.database, ("database_url",)),
    ("redis", doctor_checks.redis_server, ("coordination_url",)),
    ("result store", doctor_checks.result_store, ("result_store_url",)),
    ("broker", doctor_checks.broker, ("broker_url",)),
    ("clock", doctor_checks.clock, ("coordination_url",)),
    ("storage", doctor_checks.storage, ()),
    ("video libraries", doctor_checks.video_libraries, ()),
    ("models", doctor_checks.models, ()),
    ("workers", doctor_checks.workers, ("coordination_url",)),
    ("streams", stream_checks.streams, ("coordination_url",)),
)
