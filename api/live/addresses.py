"""Addresses of cameras: what of them is shown, and which are refused at once. Pure.

What a camera takes in its query or path may be secret, so that only values known as harmless are shown.
"""

from contracts.errors import StreamRefused
from contracts.live.streams import Kind
from contracts.network.address_rules import Network, is_listed, is_public, read_address
from contracts.network.camera_address import CameraAddress

_KINDS: dict[str, Kind] = {"rtsp": "rtsp", "http": "http", "https": "http"}
# Names of values that tell streams of one camera apart.
_SHOWN_VALUES = frozenset(
    {"camera", "ch", "channel", "compression", "fps", "height", "profile", "quality", "resolution", "stream"}
    | {"streamtype", "subtype", "track", "transportmode", "unicast", "width"}
)
_HIDDEN = "***"


def kind_of(address: CameraAddress) -> Kind:
    """The kind of stream that has such an address."""
    return _KINDS[address.scheme]


def shown(address: CameraAddress) -> str:
    """The address without what may be secret."""
    return f"{address.scheme}://{address.authority}{_without_values(address.target)}"


def require_allowed(address: CameraAddress, allowed: tuple[Network, ...]) -> None:
    """Check an address whose host is a number; names are looked up by the ingest when it connects. allowed: networks
    that the operator allows. Raises StreamRefused."""
    try:
        place = read_address(address.host)
    except ValueError:
        return
    if not (is_listed(place, allowed) or is_public(place)):
        raise StreamRefused(
            f"{place} is not a public address and not in a network of STREAM_ALLOW_NETWORKS: ask the operator to add "
            "the network of the camera to that setting"
        )


def _without_values(target: str) -> str:
    """Path and query with hidden values. Some cameras take user name and password in the path."""
    path, mark, query = target.partition("?")
    steps = [
        f"{name}={_HIDDEN}" if sign else name for name, sign, _ in (step.partition("=") for step in path.split("/"))
    ]
    return "/".join(steps) + mark + "&".join(_shown_value(pair) for pair in query.split("&"))


def _shown_value(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    if name.lower() in _SHOWN_VALUES:
        return pair
    return f"{name}={_HIDDEN}" if sign else (_HIDDEN if name else "")
