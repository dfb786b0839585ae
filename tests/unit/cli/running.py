"""An admin server in a thread, for commands that ask one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from cqlproxy.admin import AdminServer
from tests.unit.admin.asking import Proxy


class Running:
    """An admin server on a loop and thread of its own, as a proxy has it."""

    def __init__(
        self, proxy: Proxy, beside: Callable[[], AbstractAsyncContextManager[object]] = nullcontext
    ) -> None:
        """``beside`` makes what is there on the same loop for as long as the server is."""
        self.proxy = proxy
        self._beside = beside
        self._listening = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._listening.wait(10)

    async def _serve(self) -> None:
        self._server = AdminServer("127.0.0.1", 0, self.proxy)
        await self._server.start()
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with self._beside():
            self._listening.set()
            await self._ended.wait()
        await self.proxy.rules.stop()
        await self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
