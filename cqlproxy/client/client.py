"""A running proxy as an object: its admin API, call by call, for programs with an event loop."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from time import perf_counter
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from cqlproxy.client import statements
from cqlproxy.client.address import DEFAULT_URL, TIMEOUT_SECONDS, AdminAddress
from cqlproxy.client.exchange import accepted
from cqlproxy.client.exposition import Metrics
from cqlproxy.client.figures import (
    Body,
    Drained,
    Health,
    Mirror,
    ModeState,
    Stats,
    Status,
    WriteResult,
    mappings,
    mirrors_of,
    number,
    optional_number,
    texts,
)
from cqlproxy.client.json_values import Value, as_json
from cqlproxy.client.latency import Latencies, Latency
from cqlproxy.client.statements import Statement
from cqlproxy.client.transport import AsyncTransport
from cqlproxy.modes import Mode, parse_mode

_PAGE = 1_000


class MigrationProxyClient:
    """The admin API at ``url``, asked from one event loop; closed by ``close`` or as a context manager.

    ``token`` and ``tls`` (see ``tls_context``) are what the proxy's ``admin`` section asks for, ``timeout``
    is in seconds, ``agent`` says in the proxy's log who asks. A ``url`` that is none is a ValueError. Every
    call raises ``ClientError``; nothing is asked twice by itself.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT_SECONDS,
        agent: str = "cqlproxy-client",
    ) -> None:
        self._transport = AsyncTransport(AdminAddress(url, token, tls, timeout, agent))
        self._latencies = Latencies()

    @property
    def url(self) -> str:
        """The address that is asked."""
        return self._transport.address.url

    @property
    def latencies(self) -> dict[str, Latency]:
        """How long this program has waited, by the name of the method."""
        return self._latencies.figures()

    async def insert(
        self,
        keyspace: str,
        table: str,
        values: Mapping[str, Value],
        *,
        ttl: int | None = None,
        if_not_exists: bool = False,
        consistency: str | None = None,
        timestamp: int | None = None,
        request_id: str | None = None,
    ) -> WriteResult:
        """INSERT a row of ``values`` by column; the rest as for ``write``."""
        made = statements.insert(keyspace, table, values, ttl=ttl, if_not_exists=if_not_exists)
        return await self._write("insert", keyspace, table, made, consistency, timestamp, request_id)

    async def update(
        self,
        keyspace: str,
        table: str,
        values: Mapping[str, Value],
        where: Mapping[str, Value],
        *,
        ttl: int | None = None,
        if_exists: bool = False,
        consistency: str | None = None,
        timestamp: int | None = None,
        request_id: str | None = None,
    ) -> WriteResult:
        """UPDATE ``values`` by column in the row with the key ``where``; the rest as for ``write``."""
        made = statements.update(keyspace, table, values, where, ttl=ttl, if_exists=if_exists)
        return await self._write("update", keyspace, table, made, consistency, timestamp, request_id)

    async def delete(
        self,
        keyspace: str,
        table: str,
        where: Mapping[str, Value],
        *,
        columns: Sequence[str] = (),
        if_exists: bool = False,
        consistency: str | None = None,
        timestamp: int | None = None,
        request_id: str | None = None,
    ) -> WriteResult:
        """DELETE the rows with the key ``where``, or only ``columns`` of them; the rest as for ``write``."""
        made = statements.delete(keyspace, table, where, columns=columns, if_exists=if_exists)
        return await self._write("delete", keyspace, table, made, consistency, timestamp, request_id)

    async def write(
        self,
        keyspace: str,
        table: str,
        query: str,
        values: Sequence[Value] | Mapping[str, Value] = (),
        *,
        consistency: str | None = None,
        timestamp: int | None = None,
        request_id: str | None = None,
    ) -> WriteResult:
        """Write by a text of CQL that changes ``keyspace.table``, with a value for each of its markers.

        ``values`` in order for ``?``, by name for ``:name``. ``consistency`` such as ``QUORUM``;
        ``timestamp`` in microseconds, else the proxy's. What the cluster says is the result, its errors too.
        A write whose fate is unknown (``UnreachableError``, or ``may_be_applied``) can be asked for again
        with its ``request_id``, which is made up unless it is given: it is not done twice.
        """
        made = Statement(query, [])
        return await self._write("write", keyspace, table, made, consistency, timestamp, request_id, values)

    async def _write(
        self,
        call: str,
        keyspace: str,
        table: str,
        made: Statement,
        consistency: str | None,
        timestamp: int | None,
        request_id: str | None,
        values: Sequence[Value] | Mapping[str, Value] | None = None,
    ) -> WriteResult:
        given = made.values if values is None else values
        body: dict[str, object] = {
            "keyspace": keyspace,
            "table": table,
            "query": made.query,
            "values": {name: as_json(value) for name, value in given.items()}
            if isinstance(given, Mapping)
            else [as_json(value) for value in given],
            "request_id": request_id or str(uuid.uuid4()),
        }
        if consistency is not None:
            body["consistency"] = consistency
        if timestamp is not None:
            body["timestamp"] = timestamp
        return WriteResult.of(await self._post(call, "/write", body))

    async def health(self) -> Health:
        """Whether it is alive and serves clients. What is not reachable is an ``UnreachableError``."""
        with self._timed("health"):
            reply = await self._transport.ask("GET", "/ready")
            if "reasons" not in reply.body:
                accepted(self._transport.address, reply)
        return Health(alive=True, ready=reply.status == HTTPStatus.OK, reasons=texts(reply.body, "reasons"))

    async def status(self) -> Status:
        """What people look at first."""
        return Status.of(await self._get("status", "/status"))

    async def stats(self) -> Stats:
        """All figures, counted since the proxy started."""
        return Stats.of(await self._get("stats", "/stats"))

    async def metrics(self) -> Metrics:
        """The same and more as Prometheus gets them."""
        with self._timed("metrics"):
            return Metrics(await self._transport.text("/metrics"))

    async def mode(self) -> ModeState:
        """The write mode, since when, and who set it."""
        return ModeState.of(await self._get("mode", "/config/mode"))

    async def set_mode(
        self,
        mode: Mode | str,
        *,
        force: bool = False,
        by: str | None = None,
        expected: ModeState | None = None,
    ) -> ModeState:
        """Switch to ``mode``, in any of its spellings (else ValueError); returns once it is in force.

        ``by`` is kept as who set it. With ``expected``, what ``mode`` has said, it is refused when somebody
        else has set the mode since. It is refused too when the cluster that would answer is not ready,
        unless ``force``. To set the mode that is in force changes nothing.
        """
        body: dict[str, object] = {"mode": parse_mode(mode).value, "force": force}
        if by is not None:
            body["by"] = by
        if expected is not None:
            body |= {"expected": expected.mode.value, "expected_since": expected.since}
        return ModeState.of(await self._post("set_mode", "/config/mode", body))

    async def filters(self) -> Body:
        """The rules in force and what they have held back."""
        return await self._get("filters", "/filters")

    async def reload_filters(self) -> Body:
        """Read the rules file again; returns what ``filters`` says once nothing is copied that it holds
        back."""
        return await self._post("reload_filters", "/filters/reload")

    async def test_filters(self, statement: str, keyspace: str | None = None) -> list[Body]:
        """What the rules say of a text of CQL, for each statement in it."""
        body = {"statement": statement, "keyspace": keyspace}
        return list(mappings(await self._post("test_filters", "/filters/test", body), "statements"))

    async def mirrors(self) -> tuple[Mirror, ...]:
        """The copies for each cluster; none without a shadow."""
        return mirrors_of(await self._get("mirrors", "/mirror"))

    async def pause(self, target: str | None = None, *, by: str | None = None) -> tuple[Mirror, ...]:
        """Let copies wait, for ``target`` (``primary`` or ``shadow``) or both, until ``resume`` or a
        restart."""
        return mirrors_of(await self._post("pause", "/mirror/pause", _given(target=target, by=by)))

    async def resume(self, target: str | None = None, *, by: str | None = None) -> tuple[Mirror, ...]:
        """Let copies go again."""
        return mirrors_of(await self._post("resume", "/mirror/resume", _given(target=target, by=by)))

    async def drain(self, target: str | None = None, *, wait_seconds: float = 0) -> Drained:
        """Wait, 30 s at most, until the copies of all that was written before have arrived."""
        body = _given(target=target, wait_seconds=wait_seconds)
        return Drained.of(await self._post("drain", "/mirror/drain", body))

    async def config(self) -> Body:
        """``config``, the settings in force with their secrets masked, and ``changeable``, their dotted
        names."""
        return await self._get("config", "/config")

    async def change_config(self, settings: Mapping[str, object], *, by: str | None = None) -> Body:
        """Change settings by their dotted names, all or none; as ``config``, and what was ``changed``."""
        body: dict[str, object] = {"set": dict(settings)} | _given(by=by)
        with self._timed("change_config"):
            return accepted(self._transport.address, await self._transport.ask("PATCH", "/config", body))

    async def dead_letters(self, **wanted: str) -> AsyncIterator[Body]:
        """Dead letters, oldest first: of a ``keyspace``, ``table``, ``reason`` or ``target``, or all."""
        after: float | None = 0
        while after is not None:
            query = urlencode({**wanted, "after": int(after), "limit": _PAGE})
            page = await self._get("dead_letters", f"/dead-letters?{query}")
            for letter in mappings(page, "letters"):
                yield letter
            after = optional_number(page, "next")

    async def replay(self, wanted: Mapping[str, object]) -> int:
        """Try dead letters again: ``{"ids": [17]}``, ``{"reason": "rejected"}`` or ``{"all": True}``; how
        many."""
        return int(number(await self._post("replay", "/dead-letters/replay", wanted), "replayed"))

    async def purge(self, wanted: Mapping[str, object]) -> int:
        """Delete dead letters for good; how many."""
        return int(number(await self._post("purge", "/dead-letters/purge", wanted), "purged"))

    async def close(self) -> None:
        """Close its connections. Safe to repeat."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _get(self, call: str, path: str) -> Body:
        with self._timed(call):
            return await self._transport.get(path)

    async def _post(self, call: str, path: str, body: Mapping[str, object] | None = None) -> Body:
        with self._timed(call):
            return await self._transport.post(path, body)

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        started, error = perf_counter(), True
        try:
            yield
            error = False
        finally:
            self._latencies.add(call, perf_counter() - started, error=error)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
