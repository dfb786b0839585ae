"""Streams of server-sent events: what a page shows, once a second, the same for all that watch.

What is sent is made once for all streams, and only while there are any. A stream holds one message at most:
a reader that is slow misses some, and one that does not read at all is hung up on. Each ends when the
server stops, and when another token is in force than the one it began with.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cqlproxy.admin.answers import FRESH, answer
from cqlproxy.admin.view import View

log = logging.getLogger(__name__)

MEDIA: Final = "text/event-stream"
MAX_STREAMS: Final = 16
UNREAD_SECONDS: Final = 10.0
"""How long a reader may take to make room for a message."""

_END_WITHIN_SECONDS: Final = 0.2
EVENTS_SENT: Final = 100

Client = tuple[str, int]


def _no_token() -> SecretStr | None:
    return None


def _nobody(client: Client) -> None:
    """In the place of what hangs up, where there is no server."""


@dataclass(slots=True)
class _Shared:
    """Messages made once for all streams: of which row, and of which events."""

    row: int = -1
    now: bytes = b""
    event: int = -1
    events: bytes = b""


@dataclass(slots=True, kw_only=True)
class Streams:
    """All streams of a server. ``hang_up`` ends the connection of a client at once, whatever it reads."""

    view: View
    token: Callable[[], SecretStr | None] = _no_token
    hang_up: Callable[[Client], None] = _nobody
    unread_seconds: float = UNREAD_SECONDS
    _shared: _Shared = field(default_factory=_Shared)
    _open: dict[asyncio.Task[object], Client | None] = field(default_factory=dict)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._open)

    def stream(self, request: Request, snapshots: int | None) -> Response:
        """The answer to a request for one, which ends after so many ``snapshots``; None: it does not."""
        if self.count >= MAX_STREAMS:
            body = {"error": f"{MAX_STREAMS} streams are open already: close a page that watches this proxy"}
            return answer(body, 503)
        return _Stream(self, snapshots, request.client)

    async def close(self) -> None:
        """End all of them at once."""
        self._ending.set()
        if self._open:
            await asyncio.wait(self._open, timeout=_END_WITHIN_SECONDS)
        for client in self._open.values():
            if client is not None:
                self.hang_up(client)

    async def serve(self, receive: Receive, send: Send, snapshots: int | None, client: Client | None) -> None:
        """Send one stream, from its headers to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = client
        gone = asyncio.ensure_future(_gone(receive))
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await self._send_all(send, snapshots, gone, ending)
        except TimeoutError:
            log.warning("a page that does not read what it is sent is hung up on", extra={"client": client})
            if client is not None:
                self.hang_up(client)
                await gone
        finally:
            gone.cancel()
            ending.cancel()
            del self._open[task]

    async def _send_all(
        self,
        send: Send,
        snapshots: int | None,
        gone: asyncio.Future[None],
        ending: asyncio.Future[Literal[True]],
    ) -> None:
        live = self.view.live
        token, left = self.token(), snapshots
        events = live.events.number
        await self._say(send, _message("history", live.history()) + self._events() + self._now())
        while left is None or (left := left - 1) > 0:
            await asyncio.wait((live.next_row(), gone, ending), return_when=asyncio.FIRST_COMPLETED)
            if gone.done() or ending.done() or self.token() != token:
                break
            message = self._now()
            if events != live.events.number:
                events = live.events.number
                message = self._events() + message
            await self._say(send, message)
        await self._say(send, b"", more=False)

    async def _say(self, send: Send, message: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self.unread_seconds):
            await send({"type": "http.response.body", "body": message, "more_body": more})

    def _now(self) -> bytes:
        live, shared = self.view.live, self._shared
        if shared.row != live.number:
            state = json.dumps(
                {"status": self.view.status(), "stats": live.figures}, allow_nan=False, separators=(",", ":")
            ).encode()
            shared.row = live.number
            shared.now = _message("now", b'{"sample":%b,%b' % (live.latest(), state[1:]))
        return shared.now

    def _events(self) -> bytes:
        events, shared = self.view.live.events, self._shared
        if shared.event != events.number:
            shared.event = events.number
            recent = [event.shown() for event in events.recent()[:EVENTS_SENT]]
            shared.events = _message("events", json.dumps(recent, separators=(",", ":")).encode())
        return shared.events


class _Stream(Response):
    """One of them, as an ASGI application."""

    def __init__(self, streams: Streams, snapshots: int | None, client: Client | None) -> None:
        super().__init__(headers=FRESH, media_type=MEDIA)
        del self.headers["content-length"]
        self._streams = streams
        self._snapshots = snapshots
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._streams.serve(receive, send, self._snapshots, self._client)


async def _gone(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _message(event: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data)
