"""How users share the outbound calls of a process: imports, deliveries, look-ups of names."""

import asyncio
import threading
from collections.abc import Iterator

import anyio
import pytest

from api.outbound.name_lookup import Lookups
from api.outbound.shares import Shares
from api.uploads.url_import import Imports
from contracts.errors import TooManyImports

ADDRESS = "192.0.2.1"


def taken(shares: Shares, user: str) -> int:
    """How many places a user gets."""
    return sum(shares.take(user) for _ in range(100))


@pytest.mark.parametrize(("most", "got"), [(1, [1, 0]), (2, [1, 1, 0]), (4, [2, 1, 1, 0]), (8, [4, 2, 1, 1, 0])])
def test_each_user_gets_half_of_what_is_left(most: int, got: list[int]) -> None:
    shares = Shares(most)
    assert [taken(shares, f"user {number}") for number in range(len(got))] == got


def test_a_place_that_is_given_back_is_free_for_others() -> None:
    shares = Shares(2)
    assert (taken(shares, "carol"), taken(shares, "dave"), shares.take("erin")) == (1, 1, False)
    shares.give_back("carol")
    assert shares.take("erin")


def test_a_user_leaves_places_for_the_imports_of_others() -> None:
    imports = Imports(None, 4)  # type: ignore[arg-type]
    with imports.slot("carol"), imports.slot("carol"):
        with pytest.raises(TooManyImports), imports.slot("carol"):
            pass
        with imports.slot("dave"):
            pass


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The system's resolver, which answers names that begin with "slow" only when the event is set."""
    answering = threading.Event()

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        if host.startswith("slow"):
            answering.wait(30)
        return [(2, 1, 6, "", (ADDRESS, port))]

    monkeypatch.setattr("api.outbound.name_lookup.socket.getaddrinfo", getaddrinfo)
    yield answering
    answering.set()


def test_names_that_do_not_answer_hold_neither_other_users_nor_the_pool_of_others(resolver: threading.Event) -> None:
    lookups = Lookups(4)

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(lookups, f"slow{number}", 80, "carol")
            await anyio.sleep(0.1)
            with anyio.fail_after(10):
                assert await lookups("quick", 80, "dave") == [ADDRESS]
                assert await asyncio.to_thread(int) == 0  # in asyncio's own pool
            resolver.set()

    anyio.run(run)


def test_a_lookup_that_is_given_up_still_takes_its_place(resolver: threading.Event) -> None:
    lookups = Lookups(2)

    async def run() -> None:
        with anyio.move_on_after(0.1):
            await lookups("slow", 80, "carol")
        with anyio.move_on_after(0.2) as waiting:
            await lookups("quick", 80, "carol")
        assert waiting.cancelled_caught
        resolver.set()
        assert await lookups("quick", 80, "carol") == [ADDRESS]

    anyio.run(run)
