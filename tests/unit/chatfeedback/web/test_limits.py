"""Under which address requests are counted: one holder has one, however many they may choose from."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from chatfeedback.web.limits import address_of


def address(host: str | None) -> str:
    return address_of(Request({"type": "http", "client": None if host is None else (host, 1)}))


def test_the_addresses_of_one_holder_are_counted_together() -> None:
    ours = {address(f"2001:db8:1:2::{number:x}") for number in range(1, 50)}
    assert ours == {"2001:db8:1:2::/64"}
    assert address("2001:db8:1:3::1") not in ours
    assert address("2001:0DB8:1:2:ffff:ffff:ffff:ffff") in ours
    assert address("fe80::1%eth0") == "fe80::/64"


@pytest.mark.parametrize("host", ["192.0.2.1", "testclient", "", "unknown"])
def test_other_addresses_are_their_own(host: str) -> None:
    assert address(host) == host


def test_an_address_of_ipv4_is_one_in_any_writing() -> None:
    assert address("::ffff:192.0.2.1") == address("192.0.2.1")
    assert address(None) == ""
