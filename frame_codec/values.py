"""What the notations of section 3 mean in Python, where bytes, int and str do not say it."""

from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple


class Unset(Enum):
    """Type of `UNSET`."""

    UNSET = -2


UNSET: Final = Unset.UNSET
"""A [value] that leaves what is stored as it is (v4; length -2 on the wire)."""

Value = bytes | None | Unset
"""A [value]: its serialized bytes, null, or `UNSET`."""

InetAddress = IPv4Address | IPv6Address


class Inet(NamedTuple):
    """An [inet]: a node's address and port."""

    address: InetAddress
    port: int
