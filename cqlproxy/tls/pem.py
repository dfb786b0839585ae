"""PEM files read and judged before they are used, so that what is wrong with one is said in words.

OpenSSL's own errors for the same faults are numbers of library routines; none of them names the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from cqlproxy.files_in_force import FileProblemsError

_MAX_BYTES = 4 << 20
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PRIVATE_KEY = b"PRIVATE KEY-----"
_KEYSTORES = {
    b"\xfe\xed\xfe\xed": "a Java keystore (JKS): convert it, by keytool -importkeystore -deststoretype PKCS12"
    " and then openssl pkcs12 -nodes",
    b"\x30": "DER or a PKCS #12 keystore: convert it, by openssl x509 -inform DER or openssl pkcs12 -nodes",
}


class PemFile(NamedTuple):
    """A file of the configuration: the key that names it, its path and its content."""

    key: str
    path: Path
    content: bytes

    def problem(self, what: str) -> FileProblemsError:
        """What is wrong with it."""
        return FileProblemsError(f"{self.key}: {self.path} {what}")


def read_pem(key: str, path: Path) -> PemFile:
    """Read the file that ``key`` names. Raises ``FileProblemsError``."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileProblemsError(f"{key}: there is no file {path}") from None
    except OSError as error:
        raise FileProblemsError(
            f"{key}: {path} cannot be read by user {os.geteuid()}, as whom cqlproxy runs: {error.strerror}"
        ) from None
    found = PemFile(key, path, content)
    if len(content) > _MAX_BYTES:
        raise found.problem(f"is longer than {_MAX_BYTES} bytes: is it the right file?")
    return found


def certificates_of(file: PemFile) -> list[x509.Certificate]:
    """The certificates in the file, at least one, in their order. Raises ``FileProblemsError``."""
    if _CERTIFICATE not in file.content:
        raise file.problem(f"holds no certificate in PEM form{_what_instead(file.content)}")
    try:
        return x509.load_pem_x509_certificates(file.content)
    except ValueError as error:
        raise file.problem(f"holds a certificate that cannot be read: {error}") from None


def check_key(certificates: PemFile, key: PemFile) -> None:
    """Whether the key is that of the first certificate. Raises ``FileProblemsError``."""
    public = _private_key(key).public_key()
    certificate = certificates_of(certificates)[0]
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        certified = certificate.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise certificates.problem(f"holds a certificate whose key cannot be used: {error}") from None
    if public.public_bytes(*form) != certified:
        raise key.problem(
            f"is not the key of the certificate in {certificates.path} ({described(certificate)}):"
            " the certificate of the key must be the first one in its file"
        )


def _private_key(file: PemFile) -> PrivateKeyTypes:
    if _PRIVATE_KEY not in file.content:
        raise file.problem(f"holds no private key in PEM form{_what_instead(file.content)}")
    try:
        return load_pem_private_key(file.content, password=None)
    except TypeError:
        raise file.problem(
            "is encrypted, and there is nobody to ask for its password: decrypt it, by"
            f" openssl pkey -in {file.path.name} -out decrypted.key, and let only cqlproxy's user read it"
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise file.problem(f"holds a private key that cannot be read: {str(error).split('(')[0]}") from None


def _what_instead(content: bytes) -> str:
    if not content:
        return ": it is empty"
    for start, what in _KEYSTORES.items():
        if content.startswith(start):
            return f"; it looks like {what}"
    if _CERTIFICATE in content:
        return "; it holds a certificate"
    if _PRIVATE_KEY in content:
        return "; it holds a private key"
    return ""


def first_end(certificates: Sequence[x509.Certificate]) -> datetime:
    """When the first of a chain expires, and the chain with it."""
    return min(certificate.not_valid_after_utc for certificate in certificates)


def last_end(certificates: Sequence[x509.Certificate]) -> datetime:
    """When the last of several authorities expires; nothing can be verified from then on."""
    return max(certificate.not_valid_after_utc for certificate in certificates)


def described(certificate: x509.Certificate) -> str:
    """What a certificate says, on one line: whose it is, for which names, by whom, until when."""
    names = ", ".join(names_of(certificate)) or "no names"
    subject = certificate.subject.rfc4514_string() or "nobody"
    return (
        f"of {subject}, for {names}, issued by {certificate.issuer.rfc4514_string() or 'nobody'},"
        f" valid until {day(certificate.not_valid_after_utc)}"
    )


def names_of(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that a certificate is for (subjectAltName)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []  # a certificate without them, or one that others must judge: this is for messages
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def day(moment: datetime) -> str:
    """A moment as messages show it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
