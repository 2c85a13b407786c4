"""How far apart frames usually are. A track that was not seen for too long is lost, but not in two frames, however far
apart those usually are."""

# A little more than two: frames are not quite regular.
_FRAMES = 2.5


def usual_gap(usual: int, gap: int) -> int:
    """The time between two frames, with that of the next two. usual: 0 for unknown.

    It follows a shorter one quickly, and a longer one slowly: neither two frames that happen to be near, as after a
    pause or of one picture sent twice, nor a pause tell how far apart frames are.
    """
    if gap <= 0 or not usual:
        return usual or max(gap, 0)
    return max(gap, usual // 2) if gap < usual else usual + min(gap - usual, usual) // 4


def lost_after(seconds: int, usual: int) -> int:
    """The time after which a track is lost. seconds: that for frames that are near each other, in the unit of both."""
    return max(seconds, int(_FRAMES * usual))
