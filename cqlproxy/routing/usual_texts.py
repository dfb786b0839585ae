"""The mutations that a client sent together as text, as far as there is nothing special about them.

As for EXECUTEs (``routing.usual``), what they have in common is looked up once, and the router would handle
each of them in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cqlproxy.clock import WriteClock
from cqlproxy.metrics import Metrics
from cqlproxy.routing.exchange import Steps
from cqlproxy.routing.peer import ClientPeer
from cqlproxy.routing.route import Manner
from cqlproxy.routing.sender import Sender
from cqlproxy.routing.writes import Write
from cqlproxy.statements import Kind, Statement, StatementCache
from frame_codec import Frame, Opcode, QueryFlag, with_timestamp

_QUERY = int(Opcode.QUERY)
_DEFAULT_TIMESTAMP = int(QueryFlag.DEFAULT_TIMESTAMP)
_BESIDE = Manner.BESIDE
_MUTATION = Kind.MUTATION
_BEGINNINGS: Final = frozenset(b"IiUuDd")  # INSERT, UPDATE, DELETE
_LONGEST: Final = 16 * 1024


class UsualTexts:
    """``left`` is the last text that was none of these, with its analysis, for whoever handles it then."""

    def __init__(
        self, *, statements: StatementCache, steps: Steps, sender: Sender, clock: WriteClock, metrics: Metrics
    ) -> None:
        self._analyse = statements.analyse
        self._steps = steps
        self._sender = sender
        self._clock = clock
        self._metrics = metrics
        self.left: tuple[bytes, Statement] = b"", Statement(Kind.UNKNOWN)

    def handle(self, client: ClientPeer, frames: Sequence[Frame], now: float) -> int:
        """Send the first of ``frames`` on, as many as are usual; how many they were.

        ``now`` is ``time.monotonic()`` when they were read.
        """
        # Hot path.
        route = client.route
        if route.manner is _BESIDE:
            return 0
        version, keyspace, backend = client.version, client.keyspace, route.backend
        steps, analyse, stamps = self._steps, self._analyse, route.stamps
        only = backend.only if keyspace is None else None
        micros = self._clock.next()
        together: list[Write] = []
        for frame_version, flags, stream, opcode, body in frames:
            if opcode != _QUERY or flags or frame_version != version or stream < 0:
                break
            end = 4 + int.from_bytes(body[:4], "big")
            flags_at = end + 2
            if flags_at >= len(body) or end > _LONGEST or body[4] not in _BEGINNINGS:
                break
            text = body[4:end]
            statement = analyse(text)
            if statement.kind is not _MUTATION or statement.condition is not None or statement.functions:
                self.left = text, statement
                break
            if stamps and not body[flags_at] & _DEFAULT_TIMESTAMP:
                body = with_timestamp(body, flags_at, micros)
                micros += 1
            write = Write(steps, client, stream, 0, _QUERY, body, now)
            write.statement = statement
            write.keyspace = keyspace
            together.append(write)
        self._clock.reached(micros)
        self._metrics.writes_total += len(together)
        if only is None:
            for write in together:
                self._sender.send_text(write, keyspace)
        elif together:
            self._sender.send_together(together, _QUERY, only, now + backend.request_timeout)
        return len(together)
