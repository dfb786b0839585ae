"""Asks the admin API of a running proxy."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60.0
"""A reload waits for what is on its way to the shadow, for as long as mirror.shadow_timeout_ms."""

_PIECE_BYTES = 1 << 16
_LINES = "application/x-ndjson"


class AdminApiError(Exception):
    """The proxy could not be asked, or what answered is none; the message says which address was tried."""


class Reply(NamedTuple):
    """What the proxy answered: the HTTP status, and the JSON object that came with it."""

    status: int
    body: dict[str, object]


class AdminApi:
    """The admin API at ``url``, such as ``http://127.0.0.1:8080``; another text is a ValueError.

    ``token`` is what the proxy wants to see, ``agent`` who asks. ``tls`` verifies the proxy's certificate, by
    the authorities that the system trusts if None.
    """

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT_SECONDS,
        *,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        agent: str = "cqlproxy",
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not the address of an admin port, such as http://127.0.0.1:8080")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._tls = tls
        self._headers = {"User-Agent": agent}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Reply:
        """GET. Raises ``AdminApiError``."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, object] | None = None) -> Reply:
        """POST ``body`` as JSON, or nothing. Raises ``AdminApiError``."""
        return self._ask("POST", path, None if body is None else json.dumps(body))

    def stream(self, path: str) -> Iterator[bytes]:
        """GET lines of JSON, a piece at a time. Raises ``AdminApiError``, also when the proxy refuses."""
        with self._asked("GET", path, None) as answer:
            if answer.status != HTTPStatus.OK or answer.headers.get_content_type() != _LINES:
                reply = self._reply(answer.status, answer.read())
                raise AdminApiError(
                    f"the proxy answers with HTTP status {reply.status}: {reply.body.get('error')}"
                )
            while piece := answer.read1(_PIECE_BYTES):
                yield piece

    def _ask(self, method: str, path: str, body: str | None) -> Reply:
        with self._asked(method, path, body) as answer:
            return self._reply(answer.status, answer.read())

    def _reply(self, status: int, content: bytes) -> Reply:
        try:
            said = json.loads(content)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise AdminApiError(f"what answers at {self.url} is no cqlproxy (HTTP status {status}) {_HINT}")
        return Reply(status, said)

    @contextmanager
    def _asked(self, method: str, path: str, body: str | None) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, self._prefix + path, body=body, headers=headers)
            yield connection.getresponse()
        except http.client.IncompleteRead:
            raise AdminApiError(f"the proxy at {self.url} broke off its answer: see its log") from None
        except TimeoutError:
            raise AdminApiError(
                f"the proxy at {self.url} did not answer within {self._timeout:g} s"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise AdminApiError(
                f"the certificate of {self.url} is refused: {error.verify_message} (--ca-file says whom to"
                " trust; -c takes the certificate from the proxy's configuration)"
            ) from None
        except (ssl.SSLError, ConnectionResetError, http.client.RemoteDisconnected) as error:
            other = "http" if self._secure else "https"
            what = getattr(error, "reason", None) or "the connection was closed"
            raise AdminApiError(
                f"what listens at {self.url} does not speak {self.url.partition(':')[0]}: {what}; is it"
                f" {other} there? {_HINT}"
            ) from None
        except OSError as error:
            what = error.strerror or str(error)
            raise AdminApiError(f"no proxy can be reached at {self.url}: {what} {_HINT}") from None
        except http.client.HTTPException as error:
            raise AdminApiError(
                f"what answers at {self.url} does not speak HTTP: {error!r} {_HINT}"
            ) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)


_HINT = "(another address is given by --url or CQLPROXY_URL: it is that of admin.host and admin.port)"
