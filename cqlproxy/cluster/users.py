"""Who may use a cluster: logins that the cluster itself decides, and a pool for each who passed.

A cluster is asked about every new client, so that a password that is changed or revoked counts at once. Those
who passed are asked about again from time to time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import NamedTuple

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.credentials import Credentials
from cqlproxy.cluster.login import Login, NoVerdictError, Verdict
from cqlproxy.cluster.user_backend import Holder, UserBackend
from cqlproxy.metrics import Metrics
from cqlproxy.supervision import Supervisor
from frame_codec import ErrorCode, Opcode, error_code_and_message

log = logging.getLogger(__name__)

LOGIN_SECONDS = 5.0
"""How long a node may take for each step of a login."""

OPENERS = 8
"""Connections of all users that are being opened at the same time."""

_RECHECK_SHARE = (0.6, 0.9)
"""Of the time within which a revoked password must be noticed: spread, so that not all ask at once."""

_UNABLE = "Unable to perform authentication"
"""So Cassandra begins to say, with the code of wrong credentials, that it could not read its roles."""


class UserLimits(NamedTuple):
    """What the users of a cluster may have at most. Each has a key of its own in the configuration."""

    max_users: int = 500
    """Users with pools at the same time, on one cluster in one protocol version."""
    max_keyspaces_per_user: int = 8
    """Keyspaces in which one user has connections at the same time."""
    user_idle_seconds: float = 300.0
    """How long the pool of a user without clients is kept."""


class TooManyUsersError(Exception):
    """As many users as are served at a time have clients; the message says so."""


class UserPools:
    """The users of one cluster in one protocol version. ``service`` is it under the proxy's account.

    ``recheck_seconds``: within which time a user is noticed whom the cluster does not accept any more.
    """

    def __init__(
        self, service: Backend, *, limits: UserLimits, recheck_seconds: float, metrics: Metrics
    ) -> None:
        self._service = service
        self._limits = limits
        self._recheck_seconds = recheck_seconds
        self._metrics = metrics
        self._pools: OrderedDict[Credentials, UserBackend] = OrderedDict()
        """Those used longest ago first."""
        self._opening: dict[Credentials, asyncio.Task[UserBackend]] = {}
        self._supervisor = Supervisor()
        self._executor = ThreadPoolExecutor(OPENERS, thread_name_prefix=f"{service.name}-users")
        self._turn = 0

    def __iter__(self) -> Iterator[UserBackend]:
        return iter(list(self._pools.values()))

    def __len__(self) -> int:
        return len(self._pools)

    def __contains__(self, credentials: Credentials) -> bool:
        return credentials in self._pools

    # --- logins -------------------------------------------------------------------------------

    async def begin_login(self) -> Login:
        """A login at one of the nodes that are up. Raises ``NoVerdictError``."""
        nodes = self._service.nodes_to_ask()
        self._turn += 1
        reason = "no node is connected"
        for number in range(len(nodes)):
            endpoint = nodes[(self._turn + number) % len(nodes)].host.endpoint
            tls, name = self._service.tls_of(endpoint)
            try:
                return await Login.begin(
                    *endpoint.resolve(),
                    version=self._service.protocol_version,
                    timeout=LOGIN_SECONDS,
                    tls=tls,
                    name=name,
                )
            except NoVerdictError as error:
                reason = str(error)
        raise NoVerdictError(f"the {self._service.name} cluster cannot be asked: {reason}")

    async def _asked_again(self, credentials: Credentials) -> Verdict:
        login = await self.begin_login()
        try:
            for token in credentials:
                verdict = await login.respond(token)
                if verdict.opcode != Opcode.AUTH_CHALLENGE:
                    break
            return verdict
        finally:
            login.close()

    # --- pools --------------------------------------------------------------------------------

    async def open(self, credentials: Credentials, holder: Holder) -> UserBackend:
        """The pool of whom the cluster has just accepted, for ``holder`` until it is given back.

        Raises ``ConnectError``, ``TooManyUsersError``.
        """
        pool = self._pools.get(credentials)
        if pool is None or not pool.ready:
            task = self._opening.get(credentials)
            if task is None:
                task = self._opening[credentials] = asyncio.ensure_future(self._open(credentials, pool))
                task.add_done_callback(lambda done: self._opening.pop(credentials, None))
            pool = await asyncio.shield(task)
        pool.holders.add(holder)
        self._pools.move_to_end(credentials)
        return pool

    async def _open(self, credentials: Credentials, pool: UserBackend | None) -> UserBackend:
        if pool is None:
            self._make_room()
            pool = UserBackend(
                self._service,
                credentials,
                self._executor,
                lambda: self._ask_soon(credentials),
                max_keyspaces=self._limits.max_keyspaces_per_user,
            )
            await pool.connect()
            self._pools[credentials] = pool
            self._ask_later(pool)
        else:
            await pool.connect()
        return pool

    def give_back(self, pool: UserBackend, holder: Holder) -> None:
        """A client has gone."""
        pool.holders.discard(holder)
        pool.idle_since = monotonic()

    def _make_room(self) -> None:
        if len(self._pools) + len(self._opening) <= self._limits.max_users:
            return
        for pool in self._pools.values():
            if not pool.holders:
                self._drop(pool)
                return
        raise TooManyUsersError(f"Too many users are connected (max_users: {self._limits.max_users})")

    def _drop(self, pool: UserBackend) -> None:
        if self._pools.get(pool.credentials) is pool:
            del self._pools[pool.credentials]
            self._supervisor.start(pool.close(), "close a user's connections")

    # --- time passes --------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Close what is idle, and ask again about whom it is time to. ``now``: ``time.monotonic()``."""
        for pool in list(self._pools.values()):
            if not pool.holders and now - pool.idle_since > self._limits.user_idle_seconds:
                self._drop(pool)
            elif now >= pool.recheck_at:
                self._ask_later(pool)
                self._supervisor.start(self._recheck(pool), "ask again about a user")

    def _ask_later(self, pool: UserBackend) -> None:
        pool.recheck_at = monotonic() + self._recheck_seconds * random.uniform(*_RECHECK_SHARE)

    def _ask_soon(self, credentials: Credentials) -> None:
        pool = self._pools.get(credentials)
        if pool is not None:
            pool.recheck_at = min(pool.recheck_at, monotonic())

    async def _recheck(self, pool: UserBackend) -> None:
        try:
            verdict = await self._asked_again(pool.credentials)
        except NoVerdictError as error:
            # Nothing was said against the user, and a cluster that is away answers no requests either.
            log.warning("a user could not be asked about again", extra={"error": str(error)})
            return
        if is_refusal(verdict):
            self._metrics.users_revoked += 1
            log.warning(
                f"the {self._service.name} cluster accepts a user no more: its clients are disconnected",
                extra={"user": pool.credentials.username, "clients": len(pool.holders)},
            )
            for holder in list(pool.holders):
                holder.revoked()
            self._drop(pool)

    async def close(self) -> None:
        """Close all pools."""
        for task in list(self._opening.values()):
            task.cancel()
        await self._supervisor.stop()
        for pool in self:
            await pool.close()
        self._executor.shutdown(wait=False)


def is_refusal(verdict: Verdict) -> bool:
    """Whether a server has said that credentials are wrong, and not that it cannot tell."""
    if verdict.opcode != Opcode.ERROR:
        return False
    code, message = error_code_and_message(verdict.body)
    return code == ErrorCode.AUTHENTICATION_ERROR and not message.startswith(_UNABLE)
