"""Which addresses imports and webhooks may connect to, besides the rules for public ones."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from api.outbound.guarded_network import GuardedNetwork
from contracts.errors import ImportRefused
from contracts.network.address_rules import Address, Network
from contracts.network.own_host import is_own

OWN = ("198.17.0.1", "2606:4700::1")


def checked(text: str, *allowed: Network) -> list[Address]:
    """The addresses to connect to on a host with OWN as its addresses."""

    async def resolve(host: str, port: int, user: str) -> list[str]:
        return [text]

    network = GuardedNetwork(allowed, resolve, lambda address: str(address) in OWN)
    return asyncio.run(network.check("example.org", 443, None))


@pytest.mark.parametrize("text", [*OWN, "::ffff:198.17.0.1", "64:ff9b::198.17.0.1"])
def test_public_addresses_of_this_host_are_refused(text: str) -> None:
    with pytest.raises(ImportRefused):
        checked(text)


def test_public_addresses_of_others_and_allowed_own_ones_are_open() -> None:
    assert checked("1.1.1.1") == [ip_address("1.1.1.1")]
    assert checked(OWN[0], ip_network("198.17.0.0/24")) == [ip_address(OWN[0])]


def test_own_addresses_are_known_by_what_can_be_bound() -> None:
    assert is_own(ip_address("127.0.0.1"))
    assert not is_own(ip_address("1.1.1.1"))
    assert not is_own(ip_address("2606:4700::1111"))
