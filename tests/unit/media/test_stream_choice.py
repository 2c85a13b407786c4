"""Which of several video streams is read."""

from dataclasses import dataclass

import pytest
from av.stream import Disposition

from media.stream_choice import chosen, undecided

DEFAULT, NONE = Disposition.default, Disposition(0)


@dataclass(frozen=True)
class Stream:
    """What a container says of a stream."""

    width: int = 640
    height: int = 360
    disposition: Disposition = DEFAULT
    frames: int = 0
    name: str = "h264"


@dataclass(frozen=True)
class Unreadable:
    """A stream whose codec cannot be decoded."""

    disposition: Disposition = DEFAULT
    frames: int = 0


FILM = Stream()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (Stream(80, 60), "smaller"),
        (Stream(1920, 1080, NONE), "not the default"),
        (Stream(1920, 1080, DEFAULT | Disposition.attached_pic), "a cover"),
        (Stream(1920, 1080, DEFAULT | Disposition.timed_thumbnails), "pictures of the seek bar"),
        (Stream(1920, 1080, DEFAULT | Disposition.dependent), "a part of something"),
        (Stream(1920, 1080, DEFAULT | Disposition.visual_impaired), "for some only"),
        (Stream(1920, 1080, DEFAULT, frames=1), "a single picture"),
        (Stream(1920, 1080, name="mjpeg"), "of pictures"),
        (Stream(0, 0), "of no known size"),
        (Unreadable(), "that cannot be decoded"),
    ],
)
def test_the_film_is_chosen_and_not_a_stream(other: Stream | Unreadable, why: str) -> None:
    streams: list[Stream | Unreadable] = [other, FILM]
    assert chosen(streams) is chosen(streams[::-1]) is FILM, why


def test_among_equals_the_first_is_chosen() -> None:
    first, second = Stream(frames=48), Stream(frames=48)
    assert chosen([first, second]) is first


def test_of_a_moving_picture_with_a_still_of_its_size_the_moving_one_is_chosen() -> None:
    assert chosen([Stream(frames=1), moving := Stream(frames=6)]) is moving


def test_a_single_stream_is_chosen_whatever_is_said_of_it_but_a_cover_never() -> None:
    assert chosen([lone := Stream(0, 0, Disposition.visual_impaired, 1)]) is lone
    assert chosen([Stream(disposition=Disposition.attached_pic)]) is None
    assert chosen([]) is None


def test_the_choice_is_blind_where_one_of_several_streams_has_no_size_yet() -> None:
    late, cover = Stream(0, 0), Stream(0, 0, Disposition.attached_pic)
    assert undecided([FILM, late])
    decided: list[list[Stream | Unreadable]]
    decided = [[late], [FILM, cover], [late, cover], [FILM, FILM], [FILM, Unreadable()], []]
    assert not any(undecided(streams) for streams in decided)
