"""A cluster in each protocol version that clients speak.

What a server answers depends on the version it is asked in (which types it names, which errors it has),
so a v3 client is served over v3 connections: the server does the translating. They are opened when the
first such client comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.users import UserPools
from frame_codec import PROTOCOL_V4


class VersionedCluster:
    """One ``Backend`` per protocol version; ``make`` makes one that is not connected yet.

    Each has users of its own, which ``make_users`` makes room for; in it they are backends as well.
    """

    def __init__(self, make: Callable[[int], Backend], make_users: Callable[[Backend], UserPools]) -> None:
        self._make = make
        self._make_users = make_users
        self._users: dict[int, UserPools] = {}
        self.main = make(PROTOCOL_V4)
        """The one in v4, which is always there."""
        self._connected = {PROTOCOL_V4: self.main}
        self._connecting: dict[int, asyncio.Task[Backend]] = {}

    def in_version(self, version: int) -> Backend | asyncio.Future[Backend]:
        """The backend in ``version``, or a future of it; it fails with ``ConnectError``."""
        backend = self._connected.get(version)
        if backend is not None:
            return backend
        task = self._connecting.get(version)
        if task is None:
            task = self._connecting[version] = asyncio.ensure_future(self._connect(version))
            task.add_done_callback(lambda done: self._connecting.pop(version, None))
        return task

    async def _connect(self, version: int) -> Backend:
        backend = self._make(version)
        try:
            await backend.connect()
        except BaseException:
            await backend.close()
            raise
        self._connected[version] = backend
        return backend

    def opened(self, version: int) -> Backend | None:
        """The backend in ``version`` if it was connected before; the main one always."""
        return self._connected.get(version)

    def users(self, version: int) -> UserPools:
        """The users in ``version``, in which the cluster must have been connected."""
        users = self._users.get(version)
        if users is None:
            users = self._users[version] = self._make_users(self._connected[version])
        return users

    def __iter__(self) -> Iterator[Backend]:
        for users in list(self._users.values()):
            yield from users
        yield from list(self._connected.values())

    def sweep(self, now: float) -> None:
        """Look after all of it; ``now`` is ``time.monotonic()``."""
        for users in self._users.values():
            users.sweep(now)
        for backend in self:
            backend.sweep(now)

    @property
    def user_count(self) -> int:
        """Users with connections of their own."""
        return sum(map(len, self._users.values()))

    async def close(self) -> None:
        for task in list(self._connecting.values()):
            task.cancel()
        for users in self._users.values():
            await users.close()
        for backend in self._connected.values():
            await backend.close()
