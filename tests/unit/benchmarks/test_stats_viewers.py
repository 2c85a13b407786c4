"""Counting what viewers get."""

import socket

from benchmarks.capacity.stats_viewers import read


def test_a_message_that_is_cut_counts_once_and_viewers_that_are_closed_are_not_waited_for() -> None:
    viewers = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]  # each part is read alone
    for (far, _), parts in zip(
        viewers, ((b'{"type":"st', b'ats"}{"type":"stats"}', b"{}"), (b'{"type":"st',)), strict=True
    ):
        for part in parts:
            far.send(part)
        far.close()
    assert read([near for _, near in viewers], 600) == {0: 2, 1: 0}
    for _, near in viewers:
        near.close()
