"""A connection to Redis for the packets and results of streams: many commands a second, sent by hand.

Of what a command costs redis-py's asynchronous client, most is around it: its pool, its streams, a time limit for each
step, retries and their counting. Connecting, with login, TLS and the choice of a database, is redis-py's.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from contracts.live.resp import AnswerReader, Command, packed


class RedisLine:
    """One connection for any number of tasks of an event loop; none waits for the answers of another. It connects with
    the first command, and anew after an error. Who is cancelled leaves the others undisturbed."""

    def __init__(self, url: str, seconds: float) -> None:
        """seconds: for all answers to what is asked together."""
        options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": seconds, "protocol": 2}
        pool: Any = aioredis.ConnectionPool.from_url(_of_no_protocol(url), **options, retry=Retry(NoBackoff(), 0))
        self._connection = pool.make_connection()
        self._seconds = seconds
        self._connecting = asyncio.Lock()
        self._dialogue: _Dialogue | None = None

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to commands, in their order, as Redis gives them. Raises RedisError: that of the connection, or
        the first one among the answers."""
        dialogue = await self._open()
        whole: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        dialogue.ask(commands, lambda answers: _resolve(whole, answers))
        return await whole

    async def repeat(self, command: Command, then: Callable[[Any], Command | None]) -> None:
        """Ask again and again: each answer is given to `then`, which says what to ask next, None for nothing more.
        It is called as soon as the answer is there, and in no task: to wake one costs more than most answers.

        Raises RedisError, and what `then` raises.
        """
        dialogue = await self._open()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_answers(answers: list[Any] | RedisError) -> None:
            if ended.done():  # who asks has been cancelled
                return
            if isinstance(answers, RedisError):
                ended.set_exception(answers)
                return
            try:
                following = then(answers[0])
            except Exception as error:
                ended.set_exception(error)
                return
            if following is None:
                ended.set_result(None)
            else:
                dialogue.ask((following,), on_answers)
                dialogue.send()

        dialogue.ask((command,), on_answers)
        await ended

    async def close(self) -> None:
        """Close the connection; another command opens it again."""
        if self._dialogue is not None:
            self._dialogue.end(RedisConnectionError("closed"))
        await self._connection.disconnect(nowait=True)

    async def _open(self) -> "_Dialogue":
        """The dialogue, on a new connection where there is none."""
        if self._dialogue is not None and self._dialogue.error is None:
            return self._dialogue
        async with self._connecting:
            if self._dialogue is None or self._dialogue.error is not None:
                await self._connection.disconnect(nowait=True)
                try:
                    async with asyncio.timeout(self._seconds):
                        await self._connection.connect()
                except TimeoutError:
                    await self._connection.disconnect(nowait=True)
                    raise RedisTimeout(f"no answer within {self._seconds:g} s") from None
                # From here on without redis-py's streams, which have no more to read: all answers have come.
                self._dialogue = _Dialogue(self._connection._writer.transport, self._seconds)
            return self._dialogue


def _of_no_protocol(url: str) -> str:
    """The address without its option `protocol`, which would count for more than ours."""
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "protocol"]
    return urlunsplit(parts._replace(query=urlencode(options)))


def _resolve(future: "asyncio.Future[list[Any]]", answers: list[Any] | RedisError) -> None:
    if future.done():  # who asks has been cancelled
        return
    if isinstance(answers, RedisError):
        future.set_exception(answers)
    else:
        future.set_result(answers)


# Is given the answers to what was asked together, or why there are none: also the first error among them.
_OnAnswers = Callable[[list[Any] | RedisError], None]


@dataclass(eq=False, slots=True)
class _Question:
    """Commands that were sent. until: the answers have to be there, in seconds of the loop's clock."""

    number: int
    until: float
    then: _OnAnswers
    answers: list[Any] = field(default_factory=list)


class _Dialogue(asyncio.Protocol):
    """What is said on an open connection. error: why it has ended."""

    def __init__(self, transport: Any, seconds: float) -> None:
        self.error: RedisError | None = None
        self._transport, self._seconds = transport, seconds
        self._loop = asyncio.get_running_loop()
        self._reader = AnswerReader()
        self._questions: deque[_Question] = deque()
        self._unsent: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None  # one at a time: one for each question would cost too much
        transport.set_protocol(self)

    def ask(self, commands: tuple[Command, ...], then: _OnAnswers) -> None:
        """Send commands, together with what others ask in the same turn of the loop."""
        until = self._loop.time() + self._seconds
        self._questions.append(_Question(len(commands), until, then))
        if not self._unsent:
            self._loop.call_soon(self.send)
        self._unsent.append(packed(commands))
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look)

    def send(self) -> None:
        """Send now what has been asked."""
        if self._unsent and self.error is None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def end(self, error: RedisError) -> None:
        """Tell all who wait. The first error counts."""
        if self.error is not None:
            return
        self.error = error
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()
        questions, self._questions = self._questions, deque()
        for question in questions:
            question.then(error)

    def data_received(self, data: bytes) -> None:
        """Give out the answers."""
        try:
            answers = self._reader.feed(data)
        except RedisError as error:
            self.end(error)
            return
        for answer in answers:
            if not self._questions:
                self.end(RedisConnectionError("Redis answers what was not asked"))
                return
            question = self._questions[0]
            question.answers.append(answer)
            if len(question.answers) == question.number:
                self._questions.popleft()
                failed = next((one for one in question.answers if isinstance(one, ResponseError)), None)
                question.then(failed or question.answers)

    def connection_lost(self, exc: Exception | None) -> None:
        """Redis has closed the connection."""
        self.end(RedisConnectionError(f"the connection to Redis was lost: {exc or 'closed'}"))

    def _look(self) -> None:
        """Whether an answer is overdue."""
        self._timer = None
        if not self._questions:
            return
        until = self._questions[0].until
        if until <= self._loop.time():
            self.end(RedisTimeout(f"no answer within {self._seconds:g} s"))
        else:
            self._timer = self._loop.call_at(until, self._look)
