"""Who may ask the admin port, and a line in the log for each request that changes something."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqlproxy.admin.page_endpoints import PAGE_FILES
from cqlproxy.config.values import is_loopback

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/health", "/ready", "/openapi.json", "/docs", *PAGE_FILES})
"""For probes, which carry no secrets: they say whether, and of the reason only which cluster is away. And for
what describes the API and the page, which tell nothing of this proxy but its version."""

_NOT_TOLD = frozenset({"/filters/test", "/mirror/drain", "/write"})
"""Paths whose POST changes nothing, or nothing that an operator looks after: as often as programs ask."""

_NO_TOKEN = {
    "error": "this needs the admin token, as Authorization: Bearer TOKEN"
    " (for the commands of cqlproxy: --token-file or CQLPROXY_ADMIN_TOKEN)"
}
_OTHER_SITE = {"error": "a browser's page of another site may not ask this (its Origin is not the Host)"}
_WHO_SHOWN = 200


class Authorization:
    """ASGI middleware round ``app``. ``token`` gives the token in force, None while none is needed.

    ``refused`` is called for each request without the right one.
    """

    def __init__(
        self, app: ASGIApp, token: Callable[[], SecretStr | None], refused: Callable[[], None]
    ) -> None:
        self._app = app
        self._token = token
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_of_another_site(scope):
            self._refused()
            log.warning("a page of another site has asked the admin port", extra=_particulars(scope))
            await JSONResponse(_OTHER_SITE, status_code=403, headers={"Cache-Control": "no-store"})(
                scope, receive, send
            )
        elif not self._is_allowed(scope):
            self._refused()
            log.warning(
                "a request to the admin port is refused: it has not the right token",
                extra=_particulars(scope),
            )
            answer = JSONResponse(
                _NO_TOKEN,
                status_code=401,
                headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"},
            )
            await answer(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") or scope["path"] in _NOT_TOLD:
            await self._app(scope, receive, send)
        else:
            await self._logged(scope, receive, send)

    def _is_of_another_site(self, scope: Scope) -> bool:
        """Whether a browser asks for a page that did not come from here.

        Such a page could change what the operator at the browser may change, where no token is needed. There
        a name of its own does not help it either, which leads to this machine: this one goes by an address.
        """
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host", "localhost")
        if origin is None:
            return False
        return origin.partition("://")[2] != host or (
            self._token() is None and not is_loopback(_name_in(host))
        )

    def _is_allowed(self, scope: Scope) -> bool:
        token = self._token()
        if token is None or scope["path"] in OPEN_PATHS:
            return True
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        # In constant time, whatever the token is and however much of it is right.
        right = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
        return right and scheme.lower() == "bearer"

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            log.info("a request to change something", extra={**_particulars(scope), "status": status})


def _name_in(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _particulars(scope: Scope) -> dict[str, object]:
    """Who asks for what; the name that a client gives itself proves nothing."""
    client = scope.get("client")
    return {
        "client": "unknown" if client is None else f"{client[0]}:{client[1]}",
        "request": f"{scope['method']} {scope['path']}",
        "agent": Headers(scope=scope).get("user-agent", "")[:_WHO_SHOWN],
    }
