"""What a session description (SDP, RFC 4566) says of the video. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,9})?")
_PAYLOAD_TYPE = re.compile(r"[0-9]{1,3}")
_DEFAULT_CLOCK = 90_000
_MOST_LINES = 2000
_STATIC = {26: ("JPEG", _DEFAULT_CLOCK)}  # payload types with a fixed meaning


@dataclass(frozen=True, slots=True)
class Video:
    """A video of a description.

    encoding: RTP's name in upper case, empty where none is told. clock: ticks per second. control: where it is set up.
    fps: as announced, 0 where it is not. parameters: of the encoding, names in lower case.
    """

    encoding: str
    payload_type: int
    clock: int
    control: str
    fps: float = 0
    parameters: dict[str, str] = field(default_factory=dict)

    def parts(self, name: str) -> list[bytes]:
        """The value of a parameter that is a list in base64; empty where it is not valid."""
        try:
            parts = [base64.b64decode(part) for part in self.parameters.get(name, "").split(",")]
        except (binascii.Error, ValueError):
            return []
        return [part for part in parts if part]


def videos(text: str) -> list[Video]:
    """The videos of a description, in their order."""
    return [_video(lines) for lines in _sections(text)[1:] if lines[0].startswith("m=video")]


def control_url(base: str, control: str) -> str:
    """The URL of a control attribute. base: of the description."""
    if control in ("", "*"):
        return base
    if re.match(r"[a-z]+://", control, re.IGNORECASE):
        return control
    # Not as RFC 3986 joins: cameras append, whatever their base ends with.
    return urljoin(base, control) if control.startswith("/") else f"{base.rstrip('/')}/{control}"


def session_control(text: str) -> str:
    """The control attribute of the whole session, empty without one."""
    return _attributes(_sections(text)[0]).get("control", "")


def _sections(text: str) -> list[list[str]]:
    """The lines of the session, and those of each of its media."""
    found: list[list[str]] = [[]]
    for line in text.splitlines()[:_MOST_LINES]:
        if line.startswith("m="):
            found.append([])
        found[-1].append(line.strip())
    return found


def _attributes(lines: list[str]) -> dict[str, str]:
    pairs = (line[2:].partition(":") for line in lines if line.startswith("a="))
    return {name.lower(): value.strip() for name, _, value in reversed(list(pairs))}


def _video(lines: list[str]) -> Video:
    words = lines[0].split()
    number = int(words[3]) if len(words) > 3 and _PAYLOAD_TYPE.fullmatch(words[3]) else -1
    encoding, clock = _STATIC.get(number, ("", _DEFAULT_CLOCK))
    parameters: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        kind, _, rest = value.strip().partition(" ")
        if kind != str(number):
            continue
        if name == "a=rtpmap":
            encoding, _, rate = rest.strip().partition("/")
            rate = rate.partition("/")[0]
            clock = int(rate) if rate.isdecimal() and 0 < len(rate) < 10 and int(rate) else _DEFAULT_CLOCK
        elif name == "a=fmtp":
            parameters |= _parameters(rest)
    attributes = _attributes(lines)
    told = _RATE.match(attributes.get("framerate", ""))
    fps = float(told[0]) if told else 0
    return Video(encoding.upper(), number, clock, attributes.get("control", ""), fps, parameters)


def _parameters(text: str) -> dict[str, str]:
    pairs = (one.strip().partition("=") for one in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name}
