"""Who is let in, and under which account a client's requests run on each cluster.

The primary decides about clients, in all modes; but where the shadow answers and runs their requests under
their own accounts (``shadow.auth: client``), the shadow does, if it asks for any credentials. What a client
does on a cluster that it is let in by, it does with its own permissions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from cqlproxy.cluster.backend import Backend, ConnectError
from cqlproxy.cluster.credentials import Credentials
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.user_backend import UserBackend
from cqlproxy.cluster.users import TooManyUsersError, UserPools
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.frontend.login_delays import LoginDelays
from cqlproxy.metrics import Metrics
from cqlproxy.routing.route import Route
from cqlproxy.routing.routes import Routes

log = logging.getLogger(__name__)

Account = Literal["service", "client"]

LOGINS_AT_ONCE = 32
"""How many logins the clusters are asked about at the same time."""


class UndecidedError(Exception):
    """The cluster that decides about clients was never reached, so nobody can be let in."""


class Identity:
    """One client that a cluster has let in: ``on_revoked`` is called when it would not any more."""

    __slots__ = ("_on_revoked", "_pools", "backends", "credentials", "served_by_shadow", "version")

    def __init__(self, credentials: Credentials, version: int, on_revoked: Callable[[], None]) -> None:
        self.credentials = credentials
        self.version = version
        self.backends: list[UserBackend | None] = [None, None]
        """By ``Side``: the cluster under the client's account, where it was needed so far."""
        self.served_by_shadow = False
        """Whether the shadow has answered it under the proxy's account."""
        self._pools: list[tuple[UserPools, UserBackend]] = []
        self._on_revoked = on_revoked

    async def enter(self, side: Side, pools: UserPools) -> None:
        """Raises ``ConnectError``, ``TooManyUsersError``."""
        if self.backends[side] is None:
            backend = await pools.open(self.credentials, self)
            self.backends[side] = backend
            self._pools.append((pools, backend))

    def revoked(self) -> None:
        """See ``user_backend.Holder``."""
        self._on_revoked()

    def leave(self) -> None:
        """The connection is closed."""
        for pools, backend in self._pools:
            pools.give_back(backend, self)
        self._pools.clear()


class Gate:
    """``clusters`` are by ``Side``. ``primary_asks``: whether the proxy has an account on the primary."""

    def __init__(
        self,
        routes: Routes,
        clusters: tuple[VersionedCluster, VersionedCluster | None],
        *,
        shadow_account: Account,
        primary_asks: bool,
        metrics: Metrics,
    ) -> None:
        self.delays = LoginDelays()
        self.logins = asyncio.Semaphore(LOGINS_AT_ONCE)
        self.metrics = metrics
        self._routes = routes
        self._clusters = clusters
        self._primary = clusters[0]
        self._shadow_account = shadow_account
        self._primary_asks = primary_asks

    # --- who decides --------------------------------------------------------------------------

    def deciding(self) -> Side | None:
        """The cluster that decides about clients; None when everybody is let in. ``UndecidedError``."""
        if self._routes.side is Side.SHADOW and self._is_entered(Side.SHADOW):
            return Side.SHADOW
        primary = self._primary.main
        if primary.authenticator is not None:
            return Side.PRIMARY
        if self._primary_asks and not primary.supported:
            # An account there says that it asks. Who is not let in now can come again.
            raise UndecidedError("The primary cluster decides who may connect, and was not reached yet")
        return None

    def authenticator(self) -> str | None:
        """The class to name to clients in AUTHENTICATE, as the server does; None when nothing is asked."""
        side = self.deciding()
        if side is None:
            return None
        cluster = self._clusters[side]
        assert cluster is not None
        return cluster.main.authenticator

    def _is_entered(self, side: Side) -> bool:
        """Whether requests run on a cluster with the credentials of the client."""
        cluster = self._clusters[side]
        if cluster is None or cluster.main.authenticator is None:
            return False
        return side is Side.PRIMARY or self._shadow_account == "client"

    async def users(self, side: Side, version: int) -> UserPools:
        """The users of a cluster. Raises ``ConnectError``."""
        cluster = self._clusters[side]
        assert cluster is not None
        backend = cluster.in_version(version)
        if not isinstance(backend, Backend):
            await backend
        return cluster.users(version)

    async def enter(self, identity: Identity, side: Side) -> None:
        """Open what ``route`` needs where the cluster on ``side`` answers. ``ConnectError`` and the like."""
        if self._is_entered(side):
            await identity.enter(side, await self.users(side, identity.version))

    async def enter_answering(self, identity: Identity) -> None:
        """``enter`` the cluster that answers now."""
        await self.enter(identity, self._routes.side)

    async def enter_all(self, identities: list[Identity], side: Side) -> None:
        """The cluster on ``side`` is about to answer; those whom it does not let in have no route then."""

        async def enter(identity: Identity) -> None:
            try:
                await self.enter(identity, side)
            except (ConnectError, TooManyUsersError) as error:
                log.warning(
                    f"a client cannot be served by the {side.label} cluster and is disconnected",
                    extra={"user": identity.credentials.username, "error": str(error)},
                )

        await asyncio.gather(*map(enter, identities))

    # --- what for -----------------------------------------------------------------------------

    def route(self, version: int, identity: Identity | None) -> Route | None:
        """How a client is served; None when it must not be, for want of credentials that count."""
        route = self._routes.of(version)
        if identity is None:
            if self._deciding_or_unknown() is not None:
                return None
            if route.elsewhere is None or not self._is_entered(route.side.other):
                return route
            return route.as_user(route.backend, None)
        backend = self._backend(route, identity)
        if backend is None:
            return None
        if route.side is Side.SHADOW and backend is route.backend:
            identity.served_by_shadow = True
        return route.as_user(backend, self._elsewhere(route.elsewhere, identity))

    def _deciding_or_unknown(self) -> Side | None:
        try:
            return self.deciding()
        except UndecidedError:
            return Side.PRIMARY

    def _backend(self, route: Route, identity: Identity) -> Backend | None:
        return identity.backends[route.side] if self._is_entered(route.side) else route.backend

    def _elsewhere(self, elsewhere: Route | None, identity: Identity) -> Route | None:
        """For reads that go on where they began.

        The client says where that was, and must not get by saying so what it may not have: the shadow under
        the proxy's account is for those only whom it has answered.
        """
        if elsewhere is None:
            return None
        backend = self._backend(elsewhere, identity)
        if backend is None or (backend is elsewhere.backend and self._is_foreign(elsewhere, identity)):
            return None
        return elsewhere.as_user(backend, None)

    def _is_foreign(self, elsewhere: Route, identity: Identity) -> bool:
        return elsewhere.side is Side.SHADOW and not identity.served_by_shadow
