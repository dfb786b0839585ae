"""Why a TLS handshake failed, in words for a log: OpenSSL says it in reasons of its own.

The reasons are those of OpenSSL 3 and 1.1.1. One that is not known here is shown as it is.
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"})
_OLD = frozenset(
    {"UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "TLSV1_ALERT_PROTOCOL_VERSION", "INTERNAL_ERROR"}
)
_DISTRUSTED = frozenset(
    {
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
_NO_CERTIFICATE = frozenset(
    {
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
    }
)
NAME_MISMATCHES = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH: another name may be the right one."""


class ClientFailure(NamedTuple):
    """``reason`` is one of a few, for the metrics; ``why`` says what happened, and what to do."""

    reason: str
    why: str


def client_failure(error: BaseException) -> ClientFailure | None:
    """Why a client's handshake failed; None when the client just went away, as probes of a port do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ClientFailure(
            "certificate", f"its certificate is refused by client_ca_file: {error.verify_message}"
        )
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return ClientFailure("timeout", "it did not finish in time")
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    if not reason or reason == "UNEXPECTED_EOF_WHILE_READING":
        return None
    if reason in _PLAIN:
        return ClientFailure(
            "plain", "it spoke without TLS to a port that is for TLS: turn TLS on in its driver"
        )
    if reason in _OLD:
        return ClientFailure("version", "it offers no TLS version from 1.2 on")
    if reason in _DISTRUSTED:
        return ClientFailure("distrusted", f"it does not trust the certificate of cert_file ({reason})")
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return ClientFailure("no_certificate", "it showed no certificate, and client_ca_file asks for one")
    return ClientFailure("other", reason)


def node_failure(error: BaseException, section: str) -> str | None:
    """What a failed handshake with a node means and what to do; None if TLS has nothing to do with the error.

    ``section`` is that of the configuration, such as ``primary.tls``.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}; {_advice(error.verify_code, section)}"
    if isinstance(error, ConnectionResetError | ConnectionAbortedError):
        what = str(error) or "the node closed the connection"
        return f"{what}; does it speak TLS on this port?"
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    if not reason:
        return None
    if reason in _PLAIN:
        return (
            f"it does not speak TLS on this port: take {section} away, or enable client encryption"
            " on the node"
        )
    if reason in _OLD:
        return "it offers no TLS version from 1.2 on"
    if reason in _NO_CERTIFICATE:
        return (
            f"it wants a certificate of the proxy (require_client_auth): set {section}.cert_file and"
            " key_file to one that it trusts"
        )
    if reason in _DISTRUSTED:
        return (
            f"it does not trust the certificate of {section}.cert_file ({reason}): its trust store must"
            " have the authority of that certificate"
        )
    if "ALERT" in reason:
        # Cassandra has "internal error" for a certificate that it does not trust, and for other things too.
        return (
            f"it broke off the TLS handshake ({reason}): its log says why; maybe it does not trust the"
            f" certificate of {section}.cert_file"
        )
    return f"the TLS handshake failed: {reason}"


def _advice(code: int, section: str) -> str:
    if code in NAME_MISMATCHES:
        return (
            "a node's certificate must be for its address or for one of the names in contact_points: issue it"
            f" anew, add the node's name to contact_points, or set {section}.check_hostname: false"
        )
    if code == _EXPIRED:
        return "replace the certificate on the node"
    if code == _NOT_YET:
        return "look at the clocks of the node and of this machine"
    return f"{section}.ca_file must hold the authority that issued it"


_NOT_YET = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
