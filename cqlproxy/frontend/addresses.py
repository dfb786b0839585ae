"""Addresses of clients, as sockets tell them. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def client_address(host: str) -> IPv4Address | IPv6Address:
    """The address in ``host``, which may carry the zone of a link-local one. ValueError when it is none."""
    address = ip_address(host.partition("%")[0])
    # A socket that serves both families tells IPv4 clients by such an address.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
