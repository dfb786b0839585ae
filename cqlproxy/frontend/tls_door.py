"""TLS towards clients: which certificate a new connection is shown, and what is said of one that failed.

Clients of a port without TLS never come near this.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from cqlproxy.tls.failures import client_failure

if TYPE_CHECKING:
    from cqlproxy.tls.contexts import TlsFiles

log = logging.getLogger(__name__)


class TlsDoor:
    """``count_failure`` is told the reason of each handshake that fails: one of a few constants."""

    def __init__(self, files: TlsFiles, count_failure: Callable[[str], None]) -> None:
        self._files = files
        self._count_failure = count_failure

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection: made of the files as they are now."""
        return self._files.current.context

    def refused(self, error: Exception, peer: object) -> None:
        """The handshake with ``peer`` failed with ``error``; its connection is closed already."""
        failure = client_failure(error)
        if failure is None:
            log.debug("a client left before its TLS handshake was done", extra={"client": peer})
            return
        self._count_failure(f"tls_{failure.reason}")
        # In the message itself, so that one reason does not hide another for a while (see cqlproxy.logs).
        log.warning(f"a client's connection is closed: {failure.why}", extra={"client": peer})
