"""The address of a camera, as it is read, and where it leads."""

from dataclasses import replace

from contracts.errors import ImportRefused, StreamRefused
from contracts.live.streams import Reason
from contracts.network import address_rules, camera_address
from contracts.network.camera_address import CameraAddress
from ingest.sources.port import SourceFailed


def parse(text: str, schemes: tuple[str, ...]) -> CameraAddress:
    """Parse an address that the api accepted, or that a camera names. Raises SourceFailed, without its text."""
    try:
        return camera_address.parse(text, schemes)
    except StreamRefused as error:
        raise _refused(error.detail) from None


def redirected(place: CameraAddress, location: str) -> CameraAddress:
    """Where an http address leads, by the rules for imports. Raises SourceFailed."""
    try:
        after = address_rules.redirected(
            address_rules.ParsedUrl(place.scheme, place.host, place.port, place.target), location
        )
    except ImportRefused as error:
        raise _refused(error.detail) from None
    return with_login(place, CameraAddress(after.scheme, after.host, after.port, after.target))


def with_login(place: CameraAddress, after: CameraAddress) -> CameraAddress:
    """Where an address leads, with the login for it where that is the same server."""
    if not place.same_server(after):
        return after
    return replace(after, user=place.user, password=place.password)


def _refused(detail: str) -> SourceFailed:
    return SourceFailed(Reason.NOT_ALLOWED, detail, permanent=True)
