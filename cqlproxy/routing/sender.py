"""Requests on their way to the cluster that answers them: a connection, a keyspace, a prepared id each.

Whatever is missing on the way is made and the request sent then, unseen by the client: a connection that
stands in its keyspace, a statement that this cluster, or one of its nodes, has yet to prepare.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from cqlproxy.cluster.described import described
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.keyspaces import KeyspaceUnavailableError
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.metrics import Metrics
from cqlproxy.routing.exchange import Exchange, Prepare
from cqlproxy.supervision import Supervisor
from frame_codec import (
    ErrorCode,
    ErrorResponse,
    FrameFlag,
    Opcode,
    PlainError,
    QueryFlag,
    Unprepared,
    after_custom_payload,
    execute_id,
    response_start,
    without_flag,
)

log = logging.getLogger(__name__)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_SKIP_METADATA = int(QueryFlag.SKIP_METADATA)
_EXECUTE = int(Opcode.EXECUTE)


class Sender:
    """Sends exchanges to the cluster of their route."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.supervisor = Supervisor()

    def send(self, exchange: Exchange, connection: RawConnection | None, body: bytes) -> None:
        """Send on ``connection``, or on any other if it cannot take it. ``body`` is ``exchange.wire()``."""
        # Hot path.
        deadline = exchange.started + exchange.route.backend.request_timeout
        if connection is not None and connection.send(
            exchange, exchange.flags, exchange.opcode, body, deadline
        ):
            if connection.congested:
                exchange.client.hold(connection)
            return
        self._send_elsewhere(exchange, connection, body, deadline)

    def send_together(
        self, exchanges: Sequence[Exchange], opcode: int, connection: RawConnection, deadline: float
    ) -> None:
        """As ``send`` for each of one client's, of one opcode and without flags, their bodies as they are."""
        # Hot path.
        sent = connection.send_together(exchanges, opcode, deadline)
        for exchange in exchanges[sent:]:
            self.send(exchange, connection, exchange.body)
        if connection.congested:
            exchanges[0].client.hold(connection)

    def _send_elsewhere(
        self, exchange: Exchange, tried: RawConnection | None, body: bytes, deadline: float
    ) -> None:
        """The chosen connection is closed or has no free stream id: any other will do, once around."""
        backend = exchange.route.backend
        if tried is None or tried.keyspace is None:
            for _ in range(backend.width):
                connection = backend.pick()
                if connection is not None and connection.send(
                    exchange, exchange.flags, exchange.opcode, body, deadline
                ):
                    return
        exchange.unsent(full=backend.ready)

    def send_text(self, exchange: Exchange, keyspace: str | None) -> None:
        """A text, or a batch of them, must run where its unqualified names mean what the client means."""
        if any(prepared.ids[exchange.route.side] is None for prepared in exchange.statements()):
            self.prepare_and_send(exchange, keyspace)
            return
        backend = exchange.route.backend
        if keyspace is None:
            self.send(exchange, backend.pick(), exchange.wire())
            return
        connection = backend.keyspaces.pick(keyspace)
        if connection is None and backend.ready:
            self.supervisor.start(self._open_and_send(exchange, keyspace), "keyspace connection")
            return
        self.send(exchange, connection, exchange.wire())

    async def _open_and_send(self, exchange: Exchange, keyspace: str) -> None:
        try:
            connection = await exchange.route.backend.keyspaces.open(keyspace)
        except KeyspaceUnavailableError as error:
            self._keyspace_unavailable(exchange, error)
            return
        self.send(exchange, connection, exchange.wire())

    def send_again(self, exchange: Exchange) -> None:
        """The node of a read is lost, or has not run it: it goes once to the next replica, or node."""
        backend = exchange.route.backend
        tried = backend.node_of(exchange.connection)
        keyspace = None
        choose: Callable[[], RawConnection | None] = backend.pick
        if exchange.opcode == _EXECUTE:
            (prepared,) = exchange.statements()
            at = after_custom_payload(exchange.body) if exchange.flags & _CUSTOM_PAYLOAD else 0
            choose = partial(backend.pick_for, prepared, exchange.body, at + prepared.parameters_at)
        else:
            keyspace = exchange.keyspace if isinstance(exchange, Prepare) else exchange.client.keyspace
            if keyspace is not None:
                choose = partial(backend.keyspaces.pick, keyspace)
        for _ in range(backend.width):
            connection = choose()
            if connection is None:
                break
            if backend.node_of(connection) is not tried:
                self.send(exchange, connection, exchange.wire())
                return
        self.send_text(exchange, keyspace)

    # --- what the answering cluster has not prepared ------------------------------------------

    def prepare_and_send(self, exchange: Exchange, keyspace: str | None = None) -> None:
        """Prepare what this cluster was never asked to prepare, another one having told the client its id."""
        self.supervisor.start(self._prepare_missing(exchange, keyspace), "prepare on the answering cluster")

    async def _prepare_missing(self, exchange: Exchange, keyspace: str | None) -> None:
        side = exchange.route.side
        for prepared in exchange.statements():
            if prepared.ids[side] is not None:
                continue
            try:
                answer = await exchange.route.backend.prepare(prepared.text, prepared.keyspace)
            except NoAnswerError:
                exchange.unsent(full=False)
                return
            except KeyspaceUnavailableError as error:
                self._keyspace_unavailable(exchange, error)
                return
            known = described(answer, exchange.route.backend.protocol_version)
            if known is None:
                exchange.refuse(ErrorResponse.decode(answer.body, exchange.client.version))
                return
            prepared.known_on(side, known)
            if prepared.outdated(side):
                self._have_it_prepared(exchange, prepared)
                return
        self._ask_for_metadata(exchange)
        self.send_text(exchange, keyspace)

    def prepare_again(self, exchange: Exchange, flags: int, body: bytes) -> None:
        """A node does not know a statement: prepare it there and send again, unseen by the client."""
        error = ErrorResponse.decode(body, exchange.client.version, response_start(body, flags))
        side = exchange.route.side
        candidates = exchange.statements()
        known = {prepared.ids[side]: prepared for prepared in candidates}
        prepared = known.get(error.id) if isinstance(error, Unprepared) else None
        if prepared is None or exchange.prepared_again > len(candidates):
            exchange.give_answer(flags, Opcode.ERROR, body)
            return
        exchange.prepared_again += 1
        self.supervisor.start(self._prepare_there(exchange, prepared), "prepare again")

    async def _prepare_there(self, exchange: Exchange, prepared: PreparedStatement) -> None:
        route = exchange.route
        connection = exchange.connection
        known = None
        try:
            answer = await route.backend.prepare(prepared.text, prepared.keyspace, connection)
        except (NoAnswerError, KeyspaceUnavailableError) as error:
            log.warning("a statement could not be prepared again", extra={"error": str(error)})
        else:
            known = described(answer, route.backend.protocol_version)
        if known is None:
            # Whatever is wrong, the driver finds out when it prepares by itself: the server's own error.
            self._have_it_prepared(exchange, prepared)
            return
        self._metrics.reprepared += 1
        prepared.known_on(route.side, known)
        if prepared.outdated(route.side):
            self._have_it_prepared(exchange, prepared)
            return
        self._ask_for_metadata(exchange)
        self.send(exchange, connection if connection.alive else None, exchange.wire())

    def _have_it_prepared(self, exchange: Exchange, prepared: PreparedStatement) -> None:
        """Tell the client, and those that come after it, to prepare the statement again."""
        exchange.route.prepared.withdraw(prepared)
        told = Unprepared(f"Prepared query with ID {prepared.id.hex()} not found", prepared.id)
        exchange.give_answer(0, Opcode.ERROR, told.encode(exchange.client.version))

    def _ask_for_metadata(self, exchange: Exchange) -> None:
        """An EXECUTE may leave out what its client knows of the result, unless that may be wrong."""
        if exchange.opcode != _EXECUTE:
            return
        (prepared,) = exchange.statements()
        if prepared.metadata_changed[exchange.route.side]:
            body = exchange.body
            at = after_custom_payload(body) if exchange.flags & _CUSTOM_PAYLOAD else 0
            flags_at = at + len(execute_id(body, at)) + 4
            exchange.body = without_flag(body, flags_at, _SKIP_METADATA)

    def _keyspace_unavailable(self, exchange: Exchange, error: KeyspaceUnavailableError) -> None:
        """The request cannot run where its names have their meaning: the server's reason, if it gave one."""
        if error.too_many:
            self._metrics.keyspaces_refused += 1
            exchange.refuse(PlainError(str(error), ErrorCode.OVERLOADED))
        elif error.answer is None:
            exchange.unsent(full=False)
        else:
            exchange.refuse(ErrorResponse.decode(error.answer, exchange.client.version))

    async def stop(self) -> None:
        await self.supervisor.stop()
