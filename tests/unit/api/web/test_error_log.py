"""Unexpected errors in the log: the first of each place, and how many there were."""

import json
import logging
from typing import Any

import anyio
import pytest

from api.web.error_log import ErrorLog
from api.web.problems import UnexpectedErrors


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


def test_errors_of_the_middleware_are_problems_too() -> None:
    sent: list[Any] = []

    async def broken(*_: Any) -> None:
        raise OSError("made to fail")

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(UnexpectedErrors(broken), {"type": "http"}, receive, send)
    assert (sent[0]["status"], json.loads(sent[1]["body"])["code"]) == (500, "internal")
