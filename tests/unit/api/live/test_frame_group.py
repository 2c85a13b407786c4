"""Which frames of a stream a viewer is offered, and when its configuration comes again."""

from typing import Any

import pytest

from api.live.frame_group import FrameGroup
from api.live.outbox import Outbox
from contracts.live.packets import Packet
from tests.support.live.live_stream import H264


class Watching:
    """A group with a viewer that takes everything at once."""

    def __init__(self) -> None:
        self.group = FrameGroup()
        self.viewer = self.join()

    def join(self) -> Outbox:
        viewer = Outbox()
        viewer.want(media=True, results=False)
        self.group.show(viewer)
        return viewer

    def add(self, number: int, *, key: bool = False, **values: Any) -> bool:
        """Add a packet; whether the configuration came with it."""
        fields: dict[str, Any] = {"config": 1, "pts": number, "dts": number, "duration": 1, "arrival": 0.0}
        packet = Packet(**(fields | {"number": number, "key": key, "data": bytes([number])} | values))
        anew = self.group.needs_config(packet)
        if anew:
            self.group.begin(H264, [self.viewer])
        self.group.add(packet, [self.viewer])
        return anew


@pytest.fixture
def watching() -> Watching:
    return Watching()


def frames(viewer: Outbox) -> list[int]:
    """The packets that are sent now: their data is their number."""
    sent = []
    while not viewer.is_empty:
        message = viewer.take()
        if isinstance(message, bytes) and message[0] == 2:
            sent.append(message[-1])
    return sent


def test_a_new_viewer_begins_with_the_last_keyframe(watching: Watching) -> None:
    for number in range(1, 8):
        watching.add(number, key=number in (1, 5))
    assert frames(watching.join()) == [5, 6, 7]
    assert frames(watching.viewer) == list(range(1, 8))


def test_packets_before_the_first_keyframe_are_left_out(watching: Watching) -> None:
    watching.add(1)
    watching.add(2, key=True)
    assert frames(watching.viewer) == [2]


@pytest.mark.parametrize("lost", [{"number": 4}, {"number": 3, "restart": True}], ids=["gap", "restart"])
def test_after_a_loss_it_goes_on_at_a_keyframe(watching: Watching, lost: dict[str, Any]) -> None:
    watching.add(1, key=True)
    watching.add(2)
    watching.add(**lost)
    watching.add(5)
    assert frames(watching.viewer) == [1, 2]
    assert frames(watching.join()) == []
    watching.add(6, key=True)
    assert frames(watching.viewer) == [6]


@pytest.mark.parametrize(
    ("values", "anew"),
    [
        ({"number": 3}, False),
        ({"number": 3, "config": 2}, True),
        ({"number": 1}, True),
        ({"number": 3, "dts": 0}, True),
    ],
    ids=["the next", "another codec", "numbers begin anew", "times begin anew"],
)
def test_the_configuration_comes_again_when_something_begins_anew(
    watching: Watching, values: dict[str, Any], anew: bool
) -> None:
    assert watching.add(1, key=True)
    assert not watching.add(2)
    assert watching.add(**{"key": True, **values}) == anew


def test_a_group_that_is_too_large_is_not_kept(watching: Watching) -> None:
    watching.add(1, key=True)
    watching.add(2, data=bytes(9_000_000))
    watching.add(3)
    assert frames(watching.join()) == []
