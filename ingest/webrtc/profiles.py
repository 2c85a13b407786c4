"""The H.264 that is agreed on. Frames are passed on and not decoded here, so that every profile will do which browsers
play; the library's table knows the baseline ones alone."""

from aiortc import RTCRtpReceiver, RTCRtpTransceiver
from aiortc.codecs import CODECS
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

# Main, constrained high and high, level 3.1: the level that is agreed on is that of the sender.
_MORE = ("4d001f", "640c1f", "64001f")
_TAKEN = ("video/h264", "video/rtx")


def prefer_h264(video: RTCRtpTransceiver) -> None:
    """Agree on H.264 alone, baseline first, which every sender can encode. To be called before the offer is read: later
    it has no effect."""
    _add_profiles()
    known = RTCRtpReceiver.getCapabilities("video").codecs
    video.setCodecPreferences([codec for codec in known if codec.mimeType.lower() in _TAKEN])


def _add_profiles() -> None:
    """Add what the table lacks. It is one for all connections of a process; who sends is not affected."""
    video = CODECS["video"]
    pattern = next(one for one in reversed(video) if one.mimeType == "video/H264")
    known = {one.parameters.get("profile-level-id") for one in video}
    for profile in _MORE:
        if profile in known:
            continue
        number = max(one.payloadType for one in video) + 1
        parameters = {**pattern.parameters, "profile-level-id": profile}
        rate, feedback = pattern.clockRate, list(pattern.rtcpFeedback)
        video += [
            RTCRtpCodecParameters("video/H264", rate, None, number, feedback, parameters),
            RTCRtpCodecParameters("video/rtx", rate, None, number + 1, parameters={"apt": number}),
        ]
