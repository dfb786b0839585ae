"""What the `tls` sections of the configuration make: contexts for handshakes, and when certificates end.

TLS 1.2 is the oldest version that is spoken, in every direction.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cqlproxy.files_in_force import FileProblemsError, FilesInForce
from cqlproxy.tls.pem import PemFile, certificates_of, check_key, day, first_end, last_end, read_pem


class Loaded(NamedTuple):
    """What is made of the files of one section: used for every handshake that begins from now on."""

    context: ssl.SSLContext
    ends: dict[str, datetime]
    """When certificates expire, by the key of their file: the first of a chain, the last of authorities."""


TlsFiles = FilesInForce[Loaded]


def server_files(section: str, cert_file: Path, key_file: Path, client_ca_file: Path | None) -> TlsFiles:
    """For those who connect to us. With ``client_ca_file`` they must show a certificate of its authorities.

    ``section`` is the path of the section, such as ``listen.tls``. Raises ``FileProblemsError``.
    """

    def read(in_force: Loaded | None) -> Loaded:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        loaded = Loaded(_restricted(context), {})
        _load_own(section, cert_file, key_file, loaded, in_force)
        if client_ca_file is not None:
            _load_authorities(f"{section}.client_ca_file", client_ca_file, loaded)
            context.verify_mode = ssl.CERT_REQUIRED
        return loaded

    paths = [cert_file, key_file, *([client_ca_file] if client_ca_file is not None else [])]
    return FilesInForce(section, paths, read)


def cluster_files(
    section: str, ca_file: Path | None, cert_file: Path | None, key_file: Path | None, *, check_hostname: bool
) -> TlsFiles:
    """For the nodes of a cluster. Without ``ca_file`` the authorities that the system trusts are trusted.

    ``cert_file`` and ``key_file``, both or neither, are what we show to nodes that ask. Raises
    ``FileProblemsError``.
    """

    def read(in_force: Loaded | None) -> Loaded:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = check_hostname
        # As in a Java trust store, what is in the file is trusted, be it an authority's or a node's own.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        loaded = Loaded(_restricted(context), {})
        if ca_file is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            _load_authorities(f"{section}.ca_file", ca_file, loaded)
        if cert_file is not None and key_file is not None:
            _load_own(section, cert_file, key_file, loaded, in_force)
        return loaded

    paths = [path for path in (ca_file, cert_file, key_file) if path is not None]
    return FilesInForce(section, paths, read)


def _restricted(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _load_own(section: str, cert_file: Path, key_file: Path, loaded: Loaded, in_force: Loaded | None) -> None:
    """The certificate that we show, and its key."""
    certificate = read_pem(f"{section}.cert_file", cert_file)
    key = read_pem(f"{section}.key_file", key_file)
    check_key(certificate, key)
    end = first_end(certificates_of(certificate))
    _refuse_expired(certificate, end, in_force)
    try:
        # Without a password given, OpenSSL would ask the terminal for one.
        loaded.context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except (ssl.SSLError, OSError) as error:
        raise certificate.problem(f"cannot be used: {error}") from None
    loaded.ends["cert_file"] = end


def _refuse_expired(certificate: PemFile, end: datetime, in_force: Loaded | None) -> None:
    """At start an expired certificate is better than no service; in place of a valid one it is a mistake."""
    now = datetime.now(UTC)
    held = None if in_force is None else in_force.ends.get("cert_file")
    if held is not None and end <= now < held:
        raise certificate.problem(f"expired at {day(end)}; the one in force is valid until {day(held)}")


def _load_authorities(key: str, path: Path, loaded: Loaded) -> None:
    file = read_pem(key, path)
    loaded.ends[key.rpartition(".")[2]] = last_end(certificates_of(file))
    try:
        loaded.context.load_verify_locations(cadata=file.content.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        raise FileProblemsError(f"{key}: {path} cannot be used: {error}") from None
