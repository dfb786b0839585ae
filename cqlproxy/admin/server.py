"""The HTTP server for operators: Starlette on uvicorn, as a task of the proxy's own event loop.

uvicorn would like to own its process. Here it gets a socket that is bound already, so that a port in use is
an error of `start`; it installs no signal handlers, which are the proxy's; and it configures no logging.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from cqlproxy.admin.endpoints import application
from cqlproxy.admin.view import View

_STOP_WITHIN_SECONDS = 1
"""How long requests under way may take once the server stops."""


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class AdminServer:
    """Serves `view` on `host` and `port`, 0 for any free port. Started and stopped on one event loop."""

    def __init__(self, host: str, port: int, view: View) -> None:
        self._host = host
        self._port = port
        self._view = view
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is served; the one asked for until `start` has returned."""
        return self._port

    async def start(self) -> None:
        """Return once the port is served. Raises OSError when the host is not known or the port not free."""
        listener = await self._bind()
        self._port = listener.getsockname()[1]
        server = _Server(
            uvicorn.Config(
                application(self._view),
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
        )
        task = asyncio.create_task(server.serve(sockets=[listener]), name="admin server")
        listening = asyncio.create_task(server.listening.wait())
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
        self._server.should_exit = True
        await self._task
        self._server = self._task = None

    async def _bind(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
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
