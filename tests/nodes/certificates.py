"""Certificates for tests: an authority that issues what a test asks for, good and bad, as PEM files."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Pair(NamedTuple):
    """The files of a certificate and of its key, and one with both."""

    cert: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority named `name`; its files, and those of what it issues, are in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(self._name, self._name, self._key, timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.crt"
        """The authority's own certificate, for those who are to trust it."""
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, *names: str, valid_for: timedelta = 90 * DAY, password: str = "") -> Pair:
        """A certificate of the subject `name` for the host names and addresses `names`.

        It expires `valid_for` from now, so that with less than 0 it has expired.
        Issued again under the same name, it replaces the files. With a `password` the key is encrypted.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, key, valid_for)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        locked: KeySerializationEncryption = NoEncryption()
        if password:
            locked = BestAvailableEncryption(password.encode())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        pair = Pair(*(self.folder / f"{name}.{suffix}" for suffix in ("crt", "key", "pem")))
        for path, content in zip(pair, (certificate, private, private + certificate), strict=True):
            path.write_bytes(content)
        return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, valid_for: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + valid_for) - DAY)
        .not_valid_after(now + valid_for)
    )


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return general


def client_encryption(
    pair: Pair, client_ca: Path | None = None, *, optional: bool = False
) -> dict[str, object]:
    """Settings for a Cassandra node that shows `pair` to its clients.

    With `client_ca` clients must show a certificate of that authority; with `optional` those without TLS are
    served, too.
    """
    return {
        "client_encryption_options": {
            "enabled": True,
            "optional": optional,
            "require_client_auth": client_ca is not None,
            "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
            "keystore": str(pair.both),
            "truststore": str(pair.cert if client_ca is None else client_ca),
        }
    }
