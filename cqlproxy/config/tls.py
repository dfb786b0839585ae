"""The `tls` sections of the configuration: which files, and what for. tls/contexts.py reads them.

The text below each key is the operator's: docs/configuration.md and the JSON Schema are made of it.
"""

from __future__ import annotations

from cqlproxy.config.section import FilePath, Flag, Section


class ServerTls(Section):
    """The proxy's certificate for those who connect to it."""

    cert_file: FilePath
    """PEM: the certificate of the key first, then those of intermediate authorities."""
    key_file: FilePath
    """PEM, not encrypted."""


class ListenTls(ServerTls):
    """TLS, and nothing else, for the clients."""

    client_ca_file: FilePath | None = None
    """PEM: the authorities of the certificates that clients must show; left out: they need none."""


class ClusterTls(Section):
    """TLS to every node of a cluster."""

    ca_file: FilePath | None = None
    """PEM: the authorities of the nodes' certificates; left out: those that the system trusts."""
    cert_file: FilePath | None = None
    """PEM: what is shown to nodes that ask for a certificate; goes with ``key_file``."""
    key_file: FilePath | None = None
    """PEM, not encrypted; goes with ``cert_file``."""
    check_hostname: Flag = True
    """Whether a node's certificate must be for its address or for one of the contact points."""
