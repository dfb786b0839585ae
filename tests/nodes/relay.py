"""A relay before a real node, which can be told to behave as a node that fails in some way.

Whoever is to suffer the faults is given the relay's address as that of the node. The node must be alone in
its cluster: drivers that read its system tables through the relay find the relay's address there as its own.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self, TypeVar

from frame_codec import Opcode
from tests.nodes.addresses import NATIVE_PORT, loopback_address
from tests.nodes.faults import Blackholed, Fault, Healthy, NeverReading, Refused
from tests.nodes.relayed_connection import ClientEnd, Script

_BACKLOG = 1024
_FILLERS = 4
"""Connects that fill the queue of a listener of backlog 0, which holds one or two."""

_Result = TypeVar("_Result")


class Node(Protocol):
    """What a relay stands before."""

    name: str
    address: str
    port: int


class Relay:
    """Relays to `node`, on a thread of its own, from the beginning of the ``with`` block to its end."""

    def __init__(self, node: Node) -> None:
        self.name = f"relay to {node.name}"
        self.address = loopback_address()
        self.port = NATIVE_PORT
        self._node = (node.address, node.port)
        self._script = Script(node.address, self.address)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True)
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._accepting: set[asyncio.Task[None]] = set()
        self._open_ends: set[ClientEnd] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def suffer(self, fault: Fault) -> None:
        """From now on, until `heal` or another fault; it is in force when this returns."""
        self._call(lambda: self._change(fault))

    def heal(self) -> None:
        """Be healthy again."""
        self.suffer(Healthy())

    def seen(self) -> Counter[Opcode]:
        """Application requests that have arrived, by opcode; blackholed ones have not."""
        return self._call(self._script.seen.copy)

    def spoiled(self) -> Counter[Opcode]:
        """Those of `seen` that were made to fail."""
        return self._call(self._script.spoiled.copy)

    def _call(self, action: Callable[[], _Result]) -> _Result:
        """Do it on the relay's thread."""
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(action())
            except BaseException as error:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result(timeout=10)

    def _change(self, fault: Fault) -> None:
        before = self._script.fault
        self._script.fault = fault
        self._script.known.clear()
        if isinstance(fault, Refused):
            self._unlisten()
        elif isinstance(fault, Blackholed):
            self._stop_accepting()
        else:
            self._listen()
        if isinstance(before, Blackholed) or isinstance(fault, Refused):
            for end in list(self._open_ends):
                end.abort()
        elif isinstance(before, NeverReading) or isinstance(fault, NeverReading):
            for end in list(self._open_ends):
                end.obey()

    def _listen(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._listener is None:
            self._listener = socket.create_server((self.address, self.port), backlog=_BACKLOG)
            self._listener.setblocking(False)
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _stop_accepting(self) -> None:
        """Leave SYNs unanswered: the kernel drops them when the queue of connections to accept is full."""
        self._listen()
        assert self._listener is not None
        self._loop.remove_reader(self._listener.fileno())
        self._listener.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.address, self.port))
            self._fillers.append(filler)

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.setblocking(False)
        task = self._loop.create_task(self._serve(accepted))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        await self._loop.connect_accepted_socket(
            lambda: ClientEnd(self._script, self._node, self._open_ends), accepted
        )

    async def _close(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._unlisten()
        await asyncio.gather(*self._accepting)
        ends = list(self._open_ends)
        await asyncio.gather(*(end.opening for end in ends if end.opening is not None))
        for end in ends:
            end.abort()
        # A round of the loop tells the other end, another one closes that.
        for _ in range(3):
            await asyncio.sleep(0)
