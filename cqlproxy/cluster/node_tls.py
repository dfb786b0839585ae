"""TLS towards the nodes of a cluster: the context of a new connection, and the names that a node may have.

Drivers learn of nodes by their addresses, certificates are often issued for names. A node's certificate is
accepted when it is for the address that the node announces, or for one of the names among the contact points.
Which of them it is shows in the first handshake: OpenSSL checks one name at a time.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cqlproxy.tls.failures import NAME_MISMATCHES, node_failure

if TYPE_CHECKING:
    from cqlproxy.tls.contexts import TlsFiles

log = logging.getLogger(__name__)

LOOK_AT_CERTIFICATE_SECONDS = 3.0
"""How long a node is given to show the certificate that was refused, for the message about it."""


class NodeTls:
    """Used on the driver's threads and on the event loop's; what is changed here is changed at once.

    ``files`` are those of the cluster's section; ``contact_points`` names and addresses as configured.
    """

    def __init__(self, files: TlsFiles, contact_points: Sequence[str]) -> None:
        self._files = files
        self._names = [name.rstrip(".") for name in contact_points if not _is_address(name)]
        self._proven: dict[str, str] = {}
        """By a node's address, the name under which its certificate was accepted last."""

    @property
    def section(self) -> str:
        """That of the configuration, such as ``primary.tls``."""
        return self._files.name

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection: made of the files as they are now."""
        return self._files.current.context

    def name_of(self, address: str) -> str:
        """The name under which a node is connected to; its address, if it never was."""
        return self._proven.get(address, address)

    def names_for(self, address: str) -> list[str]:
        """The names to try at a node, the likeliest first, at least one. May resolve names, which blocks.

        The name that is tried goes into the handshake too (SNI, RFC 6066 section 3), unless it is an address.
        """
        proven = self._proven.get(address)
        if proven is not None and not self.context.check_hostname:
            return [proven]
        own = [name for name in self._names if proven is None and address in _addresses_of(name)]
        candidates = [*([] if proven is None else [proven]), *own, address, *self._names]
        # Without a check one is as good as another: that by which the operator knows the node.
        return list(dict.fromkeys(candidates))[: None if self.context.check_hostname else 1]

    def proved(self, address: str, name: str) -> None:
        """The handshake with the node succeeded under this name."""
        self._proven[address] = name

    def is_of_another_name(self, error: Exception) -> bool:
        """Whether all was right with a node's certificate, but for the name."""
        return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in NAME_MISMATCHES

    def explain(self, error: Exception, address: str, port: int) -> str | None:
        """What a failed connection to a node means, what its certificate says, and what to do.

        None when TLS has nothing to do with it. Connects to the node once more, which blocks.
        """
        meaning = node_failure(error, self.section)
        if meaning is None or not isinstance(error, ssl.SSLCertVerificationError):
            return meaning
        shown = _certificate_of(address, port)
        return meaning if shown is None else f"{meaning} (the certificate is {shown})"


def _certificate_of(address: str, port: int) -> str | None:
    from cryptography import x509

    from cqlproxy.tls.pem import described

    try:
        pem = ssl.get_server_certificate((address, port), timeout=LOOK_AT_CERTIFICATE_SECONDS)
        return described(x509.load_pem_x509_certificate(pem.encode()))
    except (OSError, ValueError) as error:
        log.debug("a node's certificate could not be looked at", extra={"node": address, "error": str(error)})
        return None


def _addresses_of(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
