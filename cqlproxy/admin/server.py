"""The HTTP server for operators: Starlette on uvicorn, as a task of the proxy's own event loop.

uvicorn would like to own its process. Here it gets a socket that is bound already, so that a port in use is
an error of `start`; it installs no signal handlers, which are the proxy's; and it configures no logging.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import uvicorn
from pydantic import SecretStr
from uvicorn.protocols.http.h11_impl import H11Protocol

from cqlproxy.admin.authorization import Authorization
from cqlproxy.admin.endpoints import application
from cqlproxy.admin.streams import Client, Streams
from cqlproxy.admin.view import View
from cqlproxy.supervision import Supervisor

if TYPE_CHECKING:
    from cqlproxy.tls.contexts import TlsFiles

_STOP_WITHIN_SECONDS = 1
"""How long requests under way may take once the server stops."""


_DATE_SECONDS = 1


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Have ``serve`` close the port and return."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        # uvicorn's own looks ten times a second whether it is to end. The date in answers has seconds.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DATE_SECONDS):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _no_token() -> SecretStr | None:
    return None


class AdminServer:
    """Serves `view` on `host` and `port`, 0 for any free port. Started and stopped on one event loop.

    `token` gives the token that requests must carry now; while it gives none, only a loopback address is
    served. With `tls` it is HTTPS that is served, and nothing else.
    """

    def __init__(
        self,
        host: str,
        port: int,
        view: View,
        *,
        token: Callable[[], SecretStr | None] = _no_token,
        tls: TlsFiles | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._view = view
        self._token = token
        self._tls = tls
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._supervisor = Supervisor()
        self._streams = Streams(view=view, token=token, hang_up=self._hang_up)

    @property
    def port(self) -> int:
        """The port that is served; the one asked for until `start` has returned."""
        return self._port

    async def start(self) -> None:
        """Return once the port is served. Raises OSError when the host is not known or the port not free."""
        listener = await self._bind()
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            Authorization(
                application(self._view, self._streams), self._token, self._view.count_admin_refused
            ),
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_WITHIN_SECONDS,
        )
        if self._tls is not None:
            # Loaded here, since uvicorn would make a context of its own from files.
            config.load()
            config.ssl = _following(self._tls)
        server = _Server(config)
        task = self._supervisor.start(self._serve(server, listener), "admin server", essential=True)
        listening = asyncio.ensure_future(server.listening.wait())
        await asyncio.wait((task, listening), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if task.done():
            listener.close()
            await task
        self._server, self._task = server, task

    async def stop(self) -> None:
        """Close the port and all connections; requests under way have a second to finish. Safe to repeat."""
        if self._server is None or self._task is None:
            return
        await self._streams.close()
        self._server.end()
        await self._task
        self._server = self._task = None

    def _hang_up(self, client: Client) -> None:
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                if isinstance(connection, H11Protocol) and connection.client == client:
                    connection.transport.abort()

    async def _serve(self, server: _Server, listener: socket.socket) -> None:
        await server.serve(sockets=[listener])
        if not server.should_exit:
            raise RuntimeError("it has ended by itself")

    async def _bind(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        if self._token() is None and not ipaddress.ip_address(str(address[0])).is_loopback:
            raise OSError(
                errno.EACCES,
                f"other machines can reach {address[0]}; set admin.token_file (or token), or use 127.0.0.1",
            )
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # With SO_REUSEADDR, two may bind the same address; only one may listen.
            listener.listen()
        except OSError:
            listener.close()
            raise
        return listener


def _following(files: TlsFiles) -> ssl.SSLContext:
    """A context for uvicorn's one server, by which each handshake uses that of the files as they are then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = files.current.context

    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sni_callback = choose
    return context
