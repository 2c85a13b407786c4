"""RESP2: what is sent, and answers in whatever pieces they come."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import InvalidResponse, ResponseError

from contracts.live.resp import AnswerReader, packed

ANSWERS = st.recursive(
    st.none() | st.integers() | st.binary(max_size=40), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)


def said(answer: Any) -> bytes:
    """As Redis says it."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, bytes):
        return b"$%d\r\n%s\r\n" % (len(answer), answer)
    return b"*%d\r\n" % len(answer) + b"".join(map(said, answer))


def test_commands_are_lists_of_bytes() -> None:
    assert packed((("SET", b"a\r\n", 12), ("GET", "ä"))) == (
        b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$2\r\n12\r\n*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xa4\r\n"
    )


@given(st.lists(ANSWERS, max_size=5), st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_answers_are_cut_out_of_whatever_pieces_they_come_in(answers: list[Any], sizes: list[int]) -> None:
    data = b"".join(map(said, answers))
    reader, found, place = AnswerReader(), [], 0
    while place < len(data):
        size = sizes[place % len(sizes)]
        found += reader.feed(data[place : place + size])
        place += size
    assert found == answers


def test_texts_errors_and_lists_that_are_none() -> None:
    found = AnswerReader().feed(b"+OK\r\n*-1\r\n*2\r\n-ERR no such thing\r\n:-3\r\n")
    assert found[:2] == [b"OK", None]
    error, number = found[2]
    assert (type(error), str(error), number) == (ResponseError, "ERR no such thing", -3)


@pytest.mark.parametrize("data", [b"%1\r\n+a\r\n:1\r\n", b"$ten\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidResponse, match="Redis answers with"):
        AnswerReader().feed(data)
