"""A sender's SDP offer: what of it is refused, and what is left out before the library reads it. Pure."""

import re
from ipaddress import ip_address

from aiortc.sdp import MediaDescription, SessionDescription

from contracts.errors import Malformed, OfferRefused

MOST_CHARACTERS = 64 * 1024
_MOST_CANDIDATES = 32
_CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ ", re.IGNORECASE)


def checked(sdp: str) -> str:
    """The offer as the connection takes it. Raises Malformed, OfferRefused."""
    media = _parsed(sdp)
    video = [one for one in media if one.kind == "video"]
    if len(video) != 1 or any(one.kind not in ("audio", "video") for one in media):
        raise OfferRefused("the offer must have one video and no data channel: add a single video track")
    if video[0].direction not in ("sendonly", "sendrecv"):
        raise OfferRefused("the offer sends no video: make its direction sendonly")
    if any(one.dtls is None or not one.dtls.fingerprints for one in media):
        raise Malformed("the offer has no DTLS fingerprint or no a=setup: send the SDP of a WebRTC connection")
    _check_codec(video[0])
    return "\r\n".join([*_usable(sdp.splitlines()), ""])


def _parsed(sdp: str) -> list[MediaDescription]:
    if len(sdp) > MOST_CHARACTERS:
        raise Malformed(f"the offer is longer than {MOST_CHARACTERS} characters: send the SDP alone")
    try:
        session = SessionDescription.parse(sdp)
    except Exception as error:  # the parser asserts, indexes and searches in what it is given
        raise Malformed("the offer is no SDP that can be read: send what createOffer() made") from error
    if len(session.media) > 1 and not any(group.semantic == "BUNDLE" for group in session.group):
        raise OfferRefused("audio and video are on transports of their own: bundle them (bundlePolicy: max-bundle)")
    media: list[MediaDescription] = session.media
    return media


def _check_codec(video: MediaDescription) -> None:
    offered = {codec.name.upper() for codec in video.rtp.codecs}
    if "H264" not in offered:
        names = ", ".join(sorted(offered - {"RTX", "RED", "ULPFEC"}))[:100] or "nothing"
        raise OfferRefused(
            f"the offer has no H.264, only {names}: offer H.264 (setCodecPreferences), which recordings and all "
            "browsers can play"
        )


def _usable(lines: list[str]) -> list[str]:
    """Without the candidates that lead nowhere: names (browsers hide addresses behind mDNS names; their own checks
    reach us and tell the address), TCP, and more than anybody has. Without their end too: a check that comes later is
    as good."""
    kept, candidates = [], 0
    for line in lines:
        if line.startswith("a=end-of-candidates"):
            continue
        if line.startswith("a=candidate:"):
            candidates += 1
            if candidates > _MOST_CANDIDATES or not _has_address(line):
                continue
        kept.append(line)
    return kept


def _has_address(line: str) -> bool:
    found = _CANDIDATE.match(line)
    try:
        return found is not None and bool(ip_address(found[1]))
    except ValueError:
        return False
