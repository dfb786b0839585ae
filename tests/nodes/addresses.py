"""Loopback addresses of one's own, so that test runs beside each other do not meet.

A Cassandra node can be told its ports, but drivers expect all nodes of a cluster on the same one; an address
for each node lets all of them keep the usual ports.
"""

import errno
import itertools
import socket
from collections.abc import Iterable

NATIVE_PORT = 9042
STORAGE_PORT = 7000
ADMIN_PORT = 8080


_claims: list[socket.socket] = []


def loopback_address() -> str:
    """An address of 127.42.0.0/16 that is given to nobody else who asks in this way while this process lives.

    The claim is a Unix socket in the abstract namespace, which ends with this process and, like the loopback
    interface, belongs to the network namespace. Ports that anything else listens on rule an address out.
    """
    for third, fourth in itertools.product(range(256), range(1, 255)):
        address = f"127.42.{third}.{fourth}"
        claim = _claim(address)
        if claim is None:
            continue
        if _all_free(address, (NATIVE_PORT, STORAGE_PORT, ADMIN_PORT)):
            _claims.append(claim)
            return address
        claim.close()
    raise OSError(errno.EADDRNOTAVAIL, "every address of 127.42.0.0/16 is in use")


def _claim(address: str) -> socket.socket | None:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0cqlproxy-loopback-{address}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return claim


def _all_free(address: str, ports: Iterable[int]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return False
                raise
    return True
