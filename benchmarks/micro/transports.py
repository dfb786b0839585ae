"""Transports that send nothing: they count what the proxy writes, and keep it."""

from __future__ import annotations

import asyncio
from typing import cast


class Recorder(asyncio.Transport):
    """Takes the place of `real` under a connection that was made over it; `real` is kept to be closed."""

    def __init__(self, real: asyncio.Transport) -> None:
        super().__init__()
        self.real = real
        self.protocol = cast(asyncio.Protocol, real.get_protocol())
        """Who reads from it: `data_received` is how bytes come in."""
        self.reading = True
        """Whether the proxy would read more."""
        self._arrived: asyncio.Future[None] | None = None
        self.writes: list[bytes] = []
        """What each call of `write` was given, since `take`."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))
        if self._arrived is not None:
            arrived, self._arrived = self._arrived, None
            arrived.set_result(None)

    def take(self) -> bytes:
        """All that was written; the recorder is empty then."""
        written = b"".join(self.writes)
        self.writes.clear()
        return written

    async def written(self) -> None:
        """Wait until something has been written since `take`."""
        if not self.writes:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.real.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.real.is_closing()

    def close(self) -> None:
        self.real.close()

    def abort(self) -> None:
        self.real.abort()
