"""What follows from the answers to requests: what is counted, remembered, and asked for next."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from cqlproxy.cluster.described import described
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Answer
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import Metrics
from cqlproxy.routing.copies import Copies
from cqlproxy.routing.exchange import Exchange, Prepare
from cqlproxy.routing.sender import Sender
from cqlproxy.routing.topology_reads import is_topology_read
from cqlproxy.routing.writes import SchemaChange
from frame_codec import (
    ConsistencyLevel,
    FrameFlag,
    Opcode,
    ProtocolError,
    after_custom_payload,
    consistency_offset,
)

_CUSTOM_PAYLOAD = int(FrameFlag.CUSTOM_PAYLOAD)
_RESULT = int(Opcode.RESULT)


class Aftermath:
    """Implements ``exchange.Steps``. ``copies`` says what is to be copied of a write."""

    def __init__(self, *, copies: Copies, sender: Sender, metrics: Metrics) -> None:
        self.copies = copies
        self.send_again = sender.send_again
        self.prepare_again = sender.prepare_again
        self._sender = sender
        self._metrics = metrics

    def timed_out(self) -> None:
        """A request was answered by the proxy, because the cluster did not in time."""
        self._metrics.requests_timed_out += 1

    def error_given(self, source: str, code: int) -> None:
        """A client is answered with an error, of a cluster or of the proxy (``metrics.PROXY``)."""
        self._metrics.count_error(source, code)

    def read_answered(self, started: float, opcode: int) -> None:
        """A read has its answer."""
        self._metrics.read_latency.observe(monotonic() - started)
        if opcode != _RESULT:
            self._metrics.reads_failed += 1

    def write_answered(self, started: float, opcode: int, side: Side) -> None:
        """A mutation has its answer, of the cluster on ``side``."""
        # Hot path.
        metrics = self._metrics
        if opcode == _RESULT:
            metrics.writes_ok += 1
            metrics.write_latency_ok[side].observe(monotonic() - started)
        else:
            metrics.writes_failed += 1
            metrics.write_latency_error[side].observe(monotonic() - started)

    def reads_answered(self, times: Sequence[float]) -> None:
        """Reads have their results, each after so many seconds."""
        self._metrics.read_latency.observe_all(times)

    def writes_answered(self, times: Sequence[float], side: Side) -> None:
        """Mutations have their results of the cluster on ``side``, each after so many seconds."""
        self._metrics.writes_ok += len(times)
        self._metrics.write_latency_ok[side].observe_all(times)

    def consistency_of(self, exchange: Exchange) -> ConsistencyLevel:
        """The consistency level that a request asks for; ONE where it cannot be told."""
        body = exchange.body
        try:
            start = after_custom_payload(body) if exchange.flags & _CUSTOM_PAYLOAD else 0
            at = consistency_offset(body, exchange.opcode, start)
            return ConsistencyLevel(int.from_bytes(body[at : at + 2], "big"))
        except (ProtocolError, ValueError):
            return ConsistencyLevel.ONE

    def one_sided(self) -> None:
        """In a mode that waits for both: the answering cluster refused what the other may have applied."""
        self._metrics.one_sided_writes += 1

    def answer_when_agreed(self, exchange: SchemaChange, flags: int, body: bytes) -> None:
        """A schema change was made on a cluster of several nodes."""

        async def wait_and_answer() -> None:
            await exchange.route.backend.schema_agreement()
            exchange.give_agreed_answer(flags, _RESULT, body)

        self._sender.supervisor.start(wait_and_answer(), "schema agreement")

    def statement_prepared(self, exchange: Prepare, body: bytes, at: int) -> None:
        """Remember what a PREPARE of a client was answered with."""
        prepared = described(Answer(_RESULT, body[at:]), exchange.client.version)
        if prepared is None:
            return
        registry = exchange.route.prepared
        side = exchange.route.side
        known = registry.known(prepared.id)
        if known is not None and known.keyspace == exchange.keyspace:
            known.told(side, prepared)
            registry.put(known)
            return
        registry.put(
            PreparedStatement(
                prepared,
                exchange.text,
                exchange.keyspace,
                exchange.statement,
                system_table=is_topology_read(exchange.statement, exchange.keyspace),
                side=side,
            )
        )
