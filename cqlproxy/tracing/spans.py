"""What a span says of a request or of an attempt to copy it, and what it never says: values.

Names and attributes are those of OpenTelemetry's semantic conventions for database clients and Cassandra;
what is ours begins with ``cqlproxy.``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from time import monotonic
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.cluster.request import Failure, Request
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.routing.exchange import Exchange
from cqlproxy.statements import Kind, Statement, TableName
from frame_codec import ErrorCode, Opcode

_ERROR_NAMES: Final = {int(code): code.name.lower() for code in ErrorCode}
_WITH_CONSISTENCY: Final = frozenset({Opcode.QUERY, Opcode.EXECUTE, Opcode.BATCH})

Attributes = Mapping[str, str | int | float | bool]


def begin_request(tracer: Tracer, opcode: int, parent: SpanContext | None, started: float) -> Span:
    """A span for a request that came at ``started``, by ``time.monotonic()``."""
    return tracer.start_span(
        Opcode(opcode).name,
        context=_under(parent),
        kind=SpanKind.SERVER,
        attributes={"db.system.name": "cassandra", "cqlproxy.opcode": Opcode(opcode).name},
        start_time=_nanoseconds(started),
    )


def end_request(span: Span, exchange: Exchange | None, error: int | None) -> None:
    """Its client is answered. ``exchange``: as it was sent, if it was; ``error``: the protocol's code."""
    if exchange is not None:
        statement, keyspace = _statement(exchange)
        _of_statement(span, statement, keyspace)
        if exchange.opcode in _WITH_CONSISTENCY:
            level = exchange.steps.consistency_of(exchange)
            span.set_attribute("cassandra.consistency.level", level.name.lower())
        span.set_attribute("cqlproxy.cluster", exchange.route.side.label)
        if exchange.repeated:
            span.set_attribute("cqlproxy.sent_again", True)
        _of_node(span, exchange)
    if error is not None:
        _failed(span, _ERROR_NAMES.get(error, "other"), error)
    span.end()


def copy_span(
    tracer: Tracer, parent: SpanContext, mutation: Mutation, outcome: int | Failure | None, side: Side
) -> None:
    """A span for one attempt to deliver a copy, which ends now. ``outcome``: why it failed, if it did."""
    verb = mutation.prepared[0].statement.verb if len(mutation.prepared) == 1 else ""
    if mutation.opcode == Opcode.BATCH:
        verb = "BATCH"
    span = tracer.start_span(
        "copy",
        context=_under(parent),
        kind=SpanKind.CLIENT,
        attributes={
            "db.system.name": "cassandra",
            "cqlproxy.cluster": side.label,
            "cqlproxy.copy.attempt": 1 if mutation.tried is None else mutation.tried.failures + 1,
            "cqlproxy.copy.waited_seconds": round(mutation.sent - mutation.offered, 6),
        },
        start_time=_nanoseconds(mutation.sent),
    )
    _of_tables(span, f"copy {verb}".strip(), verb, mutation.tables, mutation.keyspace)
    _of_node(span, mutation)
    if isinstance(outcome, Failure):
        _failed(span, outcome.value.replace(" ", "_"), None)
    elif outcome is not None:
        _failed(span, _ERROR_NAMES.get(outcome, "other"), outcome)
    span.end()


def _statement(exchange: Exchange) -> tuple[Statement | None, str | None]:
    """What it does, and the keyspace that its unqualified names mean."""
    prepared: PreparedStatement | None = getattr(exchange, "prepared", None)
    if prepared is not None:
        return prepared.statement, prepared.keyspace
    statement: Statement | None = getattr(exchange, "statement", None)
    entries: list[PreparedStatement | Statement] | None = getattr(exchange, "entries", None)
    if entries is not None:
        parts = [entry.statement if isinstance(entry, PreparedStatement) else entry for entry in entries]
        tables = tuple(dict.fromkeys(table for part in parts for table in part.tables))
        statement = Statement(Kind.BATCH, "BATCH", tables)
    return statement, getattr(exchange, "keyspace", None) or exchange.client.keyspace


def _of_statement(span: Span, statement: Statement | None, keyspace: str | None) -> None:
    if statement is not None:
        _of_tables(span, statement.verb, statement.verb, statement.tables, keyspace)


def _of_tables(span: Span, name: str, verb: str, tables: tuple[TableName, ...], keyspace: str | None) -> None:
    if verb:
        span.set_attribute("db.operation.name", verb)
    if tables:
        first = tables[0]
        namespace = first.keyspace or keyspace or ""
        if namespace:
            span.set_attribute("db.namespace", namespace)
        span.set_attribute("db.collection.name", first.table or "")
        name = f"{name} {namespace}.{first.table}".strip()
    if len(tables) > 1:
        span.set_attribute("cqlproxy.tables", len(tables))
    if name:
        span.update_name(name)


def _of_node(span: Span, request: Request) -> None:
    connection = getattr(request, "connection", None)
    if connection is not None:
        endpoint = connection.endpoint
        span.set_attribute("network.peer.address", str(endpoint.address))
        span.set_attribute("network.peer.port", int(endpoint.port))


def _failed(span: Span, kind: str, code: int | None) -> None:
    span.set_attribute("error.type", kind)
    if code is not None:
        span.set_attribute("db.response.status_code", f"0x{code:04x}")
    span.set_status(Status(StatusCode.ERROR, kind))


def _under(parent: SpanContext | None) -> Context:
    """The context of a span under ``parent``; of one that begins a trace without."""
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(moment: float) -> int:
    """A moment of ``time.monotonic()`` as nanoseconds since the epoch."""
    return time.time_ns() - int((monotonic() - moment) * 1e9)
