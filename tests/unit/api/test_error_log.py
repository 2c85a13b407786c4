"""Unexpected errors in the log: the first of each place, and how many there were."""

import logging

import pytest

from api.web.error_log import ErrorLog


def test_errors_are_logged_once_a_second_and_place(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    log = ErrorLog(logging.getLogger("test"), lambda: now)

    def fail(kind: int) -> None:
        try:
            if kind:
                raise ValueError(kind)
            raise ValueError("another place")
        except ValueError as error:
            log.note("unexpected error", error)

    for number in range(1, 1001):
        fail(number)
    fail(0)
    assert [record.message for record in caplog.records] == ["unexpected error"] * 2
    assert "ValueError: 1\n" in caplog.text + "\n"
    now += 1
    fail(7)
    assert caplog.records[-1].message == "unexpected error (and 999 more like it before)"
    now += 1
    fail(8)
    assert caplog.records[-1].message == "unexpected error"
