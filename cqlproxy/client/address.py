"""Where a proxy's admin API is, and how one gets in: URL, token, certificates, patience."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8080"

TIMEOUT_SECONDS = 60.0
"""A reload waits for what is on its way to the shadow, for as long as mirror.shadow_timeout_ms."""


@dataclass(frozen=True)
class AdminAddress:
    """The admin API at ``url``, such as ``http://127.0.0.1:8080``; another text is a ValueError."""

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    """What the proxy wants to see; None where it wants nothing."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """By which the proxy's certificate is verified; None for the authorities that the system trusts."""
    timeout: float = TIMEOUT_SECONDS
    """Seconds in which the proxy must go on answering."""
    agent: str = "cqlproxy-client"
    """Who asks, for the proxy's log."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username is not None:
            raise ValueError(f"{self.url!r} is not the address of an admin port, such as {DEFAULT_URL}")
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Whether it is asked by TLS."""
        return self.url.startswith("https:")

    def headers(self) -> dict[str, str]:
        """What each request carries."""
        headers = {"User-Agent": self.agent}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def verification(self) -> ssl.SSLContext | bool:
        """As httpx takes it. Nothing is loaded for an address without TLS."""
        if not self.secure:
            return False
        return ssl.create_default_context() if self.tls is None else self.tls


def tls_context(
    ca_file: Path | str | None = None,
    cert_file: Path | str | None = None,
    key_file: Path | str | None = None,
) -> ssl.SSLContext:
    """What verifies a proxy's certificate by ``ca_file``, and shows it a certificate of one's own. PEM files.

    Raises OSError (of which ssl.SSLError is one) when a file cannot be used.
    """
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context
