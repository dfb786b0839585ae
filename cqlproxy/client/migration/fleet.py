"""All proxies of a plan: looked at together, switched one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from cqlproxy.client.address import AdminAddress
from cqlproxy.client.client import MigrationProxyClient
from cqlproxy.client.errors import AnsweredError, ClientError
from cqlproxy.client.figures import ModeState, mapping, text
from cqlproxy.client.migration.looks import Look


class Fleet:
    """The proxies at ``addresses``, on one event loop. ``clock`` gives seconds since the epoch.

    What is awaited raises the ``ClientError`` of the first proxy that has one.
    """

    def __init__(self, addresses: Sequence[AdminAddress], clock: Callable[[], float]) -> None:
        self._clock = clock
        self.proxies = {
            address.url: MigrationProxyClient(
                address.url,
                token=address.token,
                tls=address.tls,
                timeout=address.timeout,
                agent=address.agent,
            )
            for address in addresses
        }

    async def look(self) -> list[Look]:
        """Each of them, in the order of the plan."""
        looks, errors = await self.look_where_possible()
        if errors:
            raise errors[0]
        return looks

    async def look_where_possible(self) -> tuple[list[Look], list[ClientError]]:
        """Those that answer, and what became of the others. Raises nothing."""
        looks, errors = [], []
        for seen in await asyncio.gather(
            *(self._look(proxy) for proxy in self.proxies.values()), return_exceptions=True
        ):
            if isinstance(seen, Look):
                looks.append(seen)
            elif isinstance(seen, ClientError):
                errors.append(seen)
            else:
                raise seen
        return looks, errors

    async def mode(self, url: str) -> ModeState:
        """What one of them says of its mode."""
        return await self.proxies[url].mode()

    async def close(self) -> None:
        """Close all connections. Safe to repeat."""
        for proxy in self.proxies.values():
            await proxy.close()

    async def _look(self, proxy: MigrationProxyClient) -> Look:
        stats = await proxy.stats()
        unclean = stats.last_run == "unclean"
        keeps_all = unclean and await self._keeps_all_copies(proxy)
        return Look(proxy.url, stats, self._clock(), keeps_all)

    async def _keeps_all_copies(self, proxy: MigrationProxyClient) -> bool:
        """Whether ``mirror.journal`` is ``always``: asked where a kill makes it matter."""
        try:
            settings = mapping(await proxy.config(), "config")
        except AnsweredError:
            return False
        return text(mapping(settings, "mirror"), "journal") == "always"
