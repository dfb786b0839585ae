"""The EXECUTEs that a client sent together, as far as there is nothing special about them.

A busy client's requests come many to a read, and nearly all of them are of statements that the answering
cluster knows by the client's id. These are handled here in one loop, with what they have in common looked up
once; the router handles the others one by one, and would handle these in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from cqlproxy.clock import WriteClock
from cqlproxy.cluster.prepared import START
from cqlproxy.metrics import Metrics
from cqlproxy.routing.exchange import Steps
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.reads import PreparedRead, Reads
from cqlproxy.routing.sender import Sender
from cqlproxy.routing.writes import PreparedWrite
from frame_codec import Frame, Opcode, ProtocolError, QueryFlag, with_timestamp

_EXECUTE = int(Opcode.EXECUTE)
_DEFAULT_TIMESTAMP = int(QueryFlag.DEFAULT_TIMESTAMP)
_PAGING_STATE = int(QueryFlag.PAGING_STATE)
_FLAGS_AT = START + 2


class UsualExecutes:
    """``reads`` makes the reads, as for the router."""

    def __init__(
        self, *, steps: Steps, sender: Sender, reads: Reads, clock: WriteClock, metrics: Metrics
    ) -> None:
        self._steps = steps
        self._sender = sender
        self._prepared_read = reads.prepared
        self._clock = clock
        self._metrics = metrics

    def use_reads(self, reads: Reads) -> None:
        """Make reads with these from now on."""
        self._prepared_read = reads.prepared

    def handle(self, client: ClientPeer, frames: Sequence[Frame], now: float) -> int:
        """Send the first of ``frames`` on, as many as are usual; how many they were.

        ``now`` is ``time.monotonic()`` when they were read.
        """
        # Hot path.
        route = client.route
        side, version, executed, backend = route.side, client.version, route.executed, route.backend
        steps, new_read = self._steps, self._prepared_read
        stamps, marks_pages = route.stamps, route.marks_pages
        micros = 0
        only = backend.only
        exchange: PreparedWrite | PreparedRead
        together: list[PreparedWrite | PreparedRead] = []
        handled = writes = 0
        for frame_version, flags, stream, opcode, body in frames:
            if opcode != _EXECUTE or flags or frame_version != version or stream < 0:
                break
            prepared = executed(body[:START])
            if prepared is None or not prepared.usual[side] or len(body) <= _FLAGS_AT:
                break
            query_flags = body[_FLAGS_AT]
            if prepared.writes:
                if stamps and prepared.stamped and not query_flags & _DEFAULT_TIMESTAMP:
                    micros = micros or self._clock.next()
                    body = with_timestamp(body, _FLAGS_AT, micros)
                    micros += 1
                exchange = PreparedWrite(steps, client, stream, 0, _EXECUTE, body, now)
                writes += 1
            elif marks_pages and query_flags & _PAGING_STATE:
                break
            else:
                exchange = new_read(steps, client, stream, 0, _EXECUTE, body, now)
            prepared.used = True
            exchange.prepared = prepared
            if only is None or prepared.stands_in is not None:
                try:
                    connection = backend.pick_for(prepared, body, START)
                except ProtocolError:
                    # The router finds it as well, and who handles frames one by one tells the client.
                    writes -= prepared.writes
                    break
                self._sender.send(exchange, connection, body)
            else:
                together.append(exchange)
            handled += 1
        if micros:
            self._clock.reached(micros)
        self._metrics.writes_total += writes
        self._metrics.reads_total += handled - writes
        if only is not None and together:
            self._sender.send_together(together, _EXECUTE, only, now + backend.request_timeout)
        return handled
