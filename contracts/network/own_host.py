"""Which addresses are those of this host, and so not open to what users name."""

import socket
from collections.abc import Callable

from contracts.network.address_rules import Address, Network, is_listed, is_public, translated


def is_own(address: Address) -> bool:
    """Whether it is an address of this host, on which services may listen that a firewall keeps from others: only
    such an address can be bound. Sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def is_open(address: Address, allowed: tuple[Network, ...], is_own: Callable[[Address], bool] = is_own) -> bool:
    """Whether the service may connect to it: the operator allows it, or it is a public address of another host."""
    return is_listed(address, allowed) or (is_public(address) and not is_own(translated(address)))
