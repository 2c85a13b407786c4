"""What becomes of every packet is counted, once."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from contracts.live.packets import Packet
from contracts.live.streams import DropReason
from detector.live.accounts import Accounts

STEPS = ("fed", "refused", "trimmed", "came", "died", "served", "left out")


def packet(number: int, pts: int | None = None) -> Packet:
    return Packet(1, number, number if pts is None else pts, number, 1, False, 0.0, b"x")


def test_a_frame_that_others_overtook_in_display_order_will_not_come() -> None:
    accounts = Accounts()
    for number, pts in enumerate((0, 30, 10, 20, 60)):  # with B-frames
        accounts.arrive(packet(number, pts), DropReason.TRANSPORT)
        accounts.feed(packet(number, pts))
    assert [origin.number for origin in accounts.come([0, 20]).values()] == [0, 3]
    assert accounts.totals().dropped == {"network": 1}, "that of pts 10"
    assert accounts.come([20, 10, 999]) == {}, "not twice, and none that was not sent"
    accounts.forget_fed()
    assert accounts.totals().dropped == {"network": 3}


def test_packets_that_did_not_arrive_are_sent_and_dropped() -> None:
    accounts = Accounts()
    assert not accounts.follows(packet(7)), "the first one follows on nothing"
    accounts.arrive(packet(7), DropReason.TRANSPORT)
    assert accounts.follows(packet(8))
    accounts.arrive(packet(8), DropReason.TRANSPORT)
    assert not accounts.follows(packet(13))
    accounts.arrive(packet(13), DropReason.BEHIND)
    assert (accounts.totals().sent, accounts.totals().dropped) == (7, {"behind": 4})


def test_a_number_that_falls_is_a_new_start() -> None:
    accounts = Accounts()
    accounts.arrive(packet(1000), DropReason.TRANSPORT)
    assert not accounts.follows(packet(3))
    accounts.arrive(packet(3), DropReason.TRANSPORT)
    assert accounts.totals().dropped == {}


def test_drops_are_told_once_with_the_next_result() -> None:
    accounts = Accounts()
    accounts.drop(DropReason.BEHIND, 2)
    accounts.drop(DropReason.NETWORK)
    assert accounts.since_last() == {"behind": 2, "network": 1}
    assert accounts.since_last() == {}
    assert accounts.totals().dropped == {"behind": 2, "network": 1}


@given(st.data())
def test_results_and_drops_and_what_is_left_out_add_up_to_what_was_sent(data: st.DataObject) -> None:
    accounts, numbers, ready = Accounts(), itertools.count(), 0
    sent = 0
    for step in data.draw(
        st.lists(st.sampled_from(["fed", "refused", "trimmed", "came", "died", "served", "left out"]))
    ):
        match step:
            case "trimmed":
                for _ in range(3):
                    next(numbers)
                accounts.arrive(packet(next(numbers)), DropReason.TRANSPORT)
                accounts.drop(DropReason.NETWORK)
                sent += 4 if sent else 1
            case "fed" | "refused":
                one = packet(next(numbers))
                accounts.arrive(one, DropReason.BEHIND)
                sent += 1
                if step == "fed":
                    accounts.feed(one)
                else:
                    accounts.drop(DropReason.NETWORK)
            case "came":
                came = data.draw(st.lists(st.integers(0, 200), unique=True).map(sorted))
                ready += len(accounts.come(came))
            case "died":
                accounts.forget_fed()
            case "served" | "left out" if ready:
                ready -= 1
                if step == "served":
                    accounts.analyse()
                else:
                    accounts.skip(1)
    assert accounts.totals().sent == sent
    accounts.forget_fed()
    assert accounts.totals().open == ready
