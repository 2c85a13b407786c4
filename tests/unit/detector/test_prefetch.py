"""One message more, when the child asks, and never two."""

from contextlib import closing

from kombu.common import QoS

from detector.prefetch import Line, Window


def test_a_window_lets_in_one_message_and_closes() -> None:
    qos = QoS(lambda prefetch_count: None, 1)
    window = Window(qos)
    for is_open, held in ((True, 2), (True, 2), (False, 1), (False, 1), (True, 2)):
        window.set(is_open)
        assert qos.value == held


def test_a_line_carries_questions_one_way_and_messages_the_other() -> None:
    with closing(Line()) as line:
        assert list(line.asks()) == []
        line.ask()
        line.withdraw()
        assert list(line.asks()) == [True, False]
        line.tell(b"body")
        bodies = line.bodies(0.001)
        assert [next(bodies), next(bodies)] == [b"body", None]


def test_what_does_not_fit_is_lost_and_holds_nobody_up() -> None:
    with closing(Line()) as line:
        line.tell(b"x" * 10_000_000)
        for _ in range(10_000):
            line.tell(b"x" * 1000)
            line.ask()
        assert sum(line.asks()) > 100
