"""Expected: IANA's registries of special-purpose addresses (RFC 6890 and its updates)."""

from ipaddress import ip_network

import pytest

from broker.outbound.guard import Guard

PUBLIC = ["8.8.8.8", "172.15.255.255", "172.32.0.0", "193.0.0.1", "2606:4700::1111", "2a00:1450:4001::200e"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
DISGUISED_LOOPBACK = ["::ffff:127.0.0.1", "::ffff:7f00:1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1"]
DISGUISED_PUBLIC = ["::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PUBLIC + DISGUISED_PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert Guard().permits(address)


@pytest.mark.parametrize("address", NOT_PUBLIC + DISGUISED_LOOPBACK)
def test_other_addresses_are_refused(address: str) -> None:
    assert not Guard().permits(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0177.0.0.1", "127.1", "0x7f.1", "/run/socket"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not Guard().permits(text)


@pytest.mark.parametrize("address", ["127.0.0.1", *DISGUISED_LOOPBACK])
def test_an_allowed_network_is_permitted_however_its_addresses_are_written(address: str) -> None:
    assert Guard([ip_network("127.0.0.0/8")]).permits(address)


def test_an_allowed_network_permits_nothing_else() -> None:
    guard = Guard([ip_network("127.0.0.0/8"), ip_network("fd00::/8")])
    assert guard.permits("fd00::1")
    assert not guard.permits("10.0.0.1")
    assert not guard.permits("fe80::1")
