"""Looking after the nodes of one cluster: which requests have expired, who is silent, who is passed over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from cqlproxy.cluster.circuit import Turn
from cqlproxy.cluster.driver import RawConnection
from cqlproxy.cluster.heartbeat import IDLE_SECONDS, KEEP_ALIVE_SECONDS
from cqlproxy.cluster.keyspaces import KeyspacePools
from cqlproxy.cluster.request import NoAnswerError
from cqlproxy.cluster.ring import Node
from frame_codec import Opcode, Query, QueryParameters

log = logging.getLogger(__name__)

STALL_SECONDS: Final = 1.0
"""When the proxy itself has stood still for so long, nodes are heard before they are judged."""

TRIAL_SECONDS: Final = 2.0
"""How long a node that is passed over may take for a question of the proxy's own."""

_QUESTION: Final = Query("SELECT key FROM system.local WHERE key = 'local'", QueryParameters())


class Watch:
    """``nodes`` and ``keyspaces`` are those of one pool of connections, in its live tables.

    ``ask`` puts a question to a node that is passed over; None where another pool judges the nodes, and this
    one only adds what it sees.
    """

    def __init__(
        self,
        cluster: str,
        nodes: dict[object, Node],
        keyspaces: KeyspacePools,
        ask: Callable[[Node], None] | None,
    ) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._keyspaces = keyspaces
        self._ask = ask
        self._swept_at = monotonic()

    def sweep(self, now: float) -> bool:
        """Give up requests past their deadline, ask who is silent, judge the nodes.

        ``now`` is ``time.monotonic()``. Returns whether other connections than before are to take requests.
        """
        stalled, self._swept_at = now - self._swept_at > STALL_SECONDS, now
        changed = False
        for node in self._nodes.values():
            late, answered, under_way = 0, False, 0
            for connection in (*node.connections, *self._keyspaces.connections_to(node)):
                late += connection.expire(now)
                answered = answered or connection.has_answered
                connection.has_answered = False
                under_way += connection.pending
                if not stalled and self._look_after(connection, node, now):
                    changed = True
            if not stalled:
                node.circuit.note(late, answered, under_way)
                if self._ask is not None:
                    self._judge(node, now, self._ask)
            changed = changed or node.circuit.passes_over is not node.passed_over
        return changed

    def _look_after(self, connection: RawConnection, node: Node, now: float) -> bool:
        watches_node = connection.pool is not None
        if not connection.look_after(now, IDLE_SECONDS if watches_node else KEEP_ALIVE_SECONDS):
            return False
        if watches_node:
            particulars = {"cluster": self._cluster, "node": node.address}
            if connection.silent:
                log.warning(
                    "a node is silent: others, where there are any, take its requests, and its connection is"
                    " closed unless it speaks soon",
                    extra=particulars,
                )
            else:
                log.info("a node that was silent speaks again, and takes requests", extra=particulars)
        return True

    def _judge(self, node: Node, now: float, ask: Callable[[Node], None]) -> None:
        others = [other for other in self._nodes.values() if other is not node]
        if not others:
            # There is nothing to choose from.
            node.circuit.close()
            return
        turn = node.circuit.look(now)
        particulars = {"cluster": self._cluster, "node": node.address}
        if turn is Turn.ASK:
            if node.connections:
                ask(node)
        elif turn is Turn.OPENED:
            alone = not any(other.connections and not other.circuit.passes_over for other in others)
            log.warning(
                "requests to a node time out, one after the other: "
                + ("all nodes do so, and all are used all the same" if alone else "others take its requests"),
                extra=particulars,
            )
        elif turn is Turn.HALF_OPENED:
            log.info("a node that was passed over answers: a few requests try it", extra=particulars)
        elif turn is Turn.CLOSED:
            log.info("a node that was passed over takes requests again", extra=particulars)


async def put_to_the_test(connection: RawConnection) -> None:
    """Ask a node something, for its circuit to see whether it answers."""
    try:
        await connection.ask(Opcode.QUERY, _QUESTION.encode(connection.protocol_version), TRIAL_SECONDS)
    except NoAnswerError as error:
        log.info(
            "a node that is passed over gives no answer still",
            extra={"node": str(connection.endpoint), "error": str(error)},
        )
