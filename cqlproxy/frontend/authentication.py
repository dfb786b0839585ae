"""A client's way through the gate: its SASL tokens to a server, the answers back (spec 4.1.2, 4.2.3).

What a server says of credentials reaches the client byte for byte. Only what keeps the proxy from asking one
is told in its own words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from cqlproxy.cluster.backend import ConnectError
from cqlproxy.cluster.credentials import Credentials
from cqlproxy.cluster.login import Login, NoVerdictError, Verdict
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.users import TooManyUsersError, is_refusal
from cqlproxy.frontend.gate import Gate, Identity, UndecidedError
from cqlproxy.supervision import Supervisor
from frame_codec import AuthSuccess, ErrorCode, Opcode, error_body

log = logging.getLogger(__name__)

TOKENS_AT_MOST = 8
"""AUTH_RESPONSEs of one login; PLAIN takes one, or two where the mechanism is agreed on first."""

Reply = Callable[[int, bytes], None]
"""Gives the client an opcode and a body."""


class Authentication:
    """Of one client connection at ``address``, from its STARTUP until it is let in or gone.

    ``let_in`` is called with its identity, None where nothing is asked for any more, just before AUTH_SUCCESS
    is sent; it says whether the client can be served. ``on_revoked`` is the identity's.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        version: int,
        address: str,
        let_in: Callable[[Identity | None], bool],
        on_revoked: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._version = version
        self._address = address
        self._let_in = let_in
        self._on_revoked = on_revoked
        self._supervisor = Supervisor()
        self._login: Login | None = None
        self._tokens: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether the client has yet to be told what became of its last token."""
        return self._task is not None and not self._task.done()

    def respond(self, token: bytes | None, reply: Reply) -> None:
        """The client's AUTH_RESPONSE; must not be called while ``busy``."""
        self._task = self._supervisor.start(self._answer(token or b"", reply), "a client's login")

    def close(self) -> None:
        """The client is gone, or let in."""
        self._end_login()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    # --- one token ----------------------------------------------------------------------------

    async def _answer(self, token: bytes, reply: Reply) -> None:
        try:
            verdict = await self._verdict(token)
        except (NoVerdictError, UndecidedError, ConnectError, TooManyUsersError) as error:
            log.warning("a client could not be authenticated", extra={"error": str(error)})
            verdict = self._undecided(isinstance(error, TooManyUsersError))
        except Exception:
            log.exception("a bug of the proxy: a login could not be handled")
            verdict = self._undecided(False)
        reply(verdict.opcode, verdict.body)

    def _undecided(self, too_many: bool) -> Verdict:
        # Which nodes there are, and what ails them, is nothing for whoever is not let in yet.
        self._end_login()
        if too_many:
            self._gate.metrics.logins_too_many += 1
            return Verdict(Opcode.ERROR, error_body(ErrorCode.OVERLOADED, "Too many users are connected"))
        self._gate.metrics.logins_undecided += 1
        text = "Unable to perform authentication at the moment; the log of cqlproxy says why"
        return Verdict(Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, text))

    async def _verdict(self, token: bytes) -> Verdict:
        side = self._gate.deciding()
        if side is None:
            # Since STARTUP another cluster has come to answer, which asks for nothing.
            return self._enter(None, Verdict(Opcode.AUTH_SUCCESS, AuthSuccess().encode(self._version)))
        if self._login is None and not await self._has_turn(side, token):
            text = "Too many failed logins from this address: try again in a few seconds"
            return Verdict(Opcode.ERROR, error_body(ErrorCode.OVERLOADED, text))
        verdict = await self._ask(side, token)
        if verdict.opcode == Opcode.AUTH_CHALLENGE:
            return verdict
        tokens, self._tokens = self._tokens, []
        self._end_login()
        if verdict.opcode == Opcode.AUTH_SUCCESS:
            return await self._accepted(side, tokens, verdict)
        if is_refusal(verdict):
            self._gate.metrics.logins_refused += 1
            log.warning("a login was refused", extra={"client": self._address})
            await asyncio.sleep(self._gate.delays.failed(self._address, monotonic()))
        return verdict

    async def _has_turn(self, side: Side, token: bytes) -> bool:
        """Wait as long as earlier failures from this address make it necessary; False when that is too long.

        Who gives what somebody is being served with does not guess, and need not wait for a neighbour who
        does. The server is asked all the same.
        """
        users = await self._gate.users(side, self._version)
        if Credentials([token]) in users:
            return True
        wait = self._gate.delays.turn(self._address, monotonic())
        if wait:
            await asyncio.sleep(wait)
        return wait is not None

    async def _ask(self, side: Side, token: bytes) -> Verdict:
        async with self._gate.logins:
            if self._login is None:
                self._login = await (await self._gate.users(side, self._version)).begin_login()
            self._tokens.append(token)
            if len(self._tokens) > TOKENS_AT_MOST:
                raise NoVerdictError("the login takes too many steps")
            return await self._login.respond(token)

    async def _accepted(self, side: Side, tokens: list[bytes], verdict: Verdict) -> Verdict:
        identity = Identity(Credentials(tokens), self._version, self._on_revoked)
        try:
            await identity.enter(side, await self._gate.users(side, self._version))
            await self._gate.enter_answering(identity)
        except BaseException:
            identity.leave()
            raise
        return self._enter(identity, verdict)

    def _enter(self, identity: Identity | None, verdict: Verdict) -> Verdict:
        if not self._let_in(identity):
            if identity is not None:
                identity.leave()
            raise NoVerdictError("another cluster has come to answer meanwhile: connect again")
        self._gate.metrics.logins_ok += 1
        return verdict

    def _end_login(self) -> None:
        self._tokens = []
        if self._login is not None:
            self._login.close()
            self._login = None
