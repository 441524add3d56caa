"""Which addresses the broker may call: public unicast ones, and the networks that the operator allows.

Clients name the addresses (contexts, notification endpoints, context sources), so that without a guard they would reach
what only the broker can reach. What counts is the address that a connection is made to: names are resolved before, and
however an address is spelled, the socket has it as numbers.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_PRIVATE_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' address translation
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local; clouds keep credentials there
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
"""IANA's special-purpose addresses, and multicast: not left to the standard library, whose releases differ."""
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_PRIVATE_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo
            "2001:db8::/32",  # documentation
            "3fff::/20",
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Guard:
    """Knows the networks that are allowed besides public addresses."""

    def __init__(self, allowed: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def permits(self, address: str) -> bool:
        """Whether a connection may be made to an address, as a socket has it; False for what is no IP address."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return self._permits(parsed)

    def _permits(self, address: IPv4Address | IPv6Address) -> bool:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return self._permits(address.ipv4_mapped)
        if any(address in network for network in self._allowed):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _PRIVATE_V4)
        inner = _translated(address)
        if inner is not None:
            return self._permits(inner)
        return address in _PUBLIC_V6 and not any(address in network for network in _PRIVATE_V6)


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end up at: 6to4, NAT64."""
    if address.sixtofour is not None:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
