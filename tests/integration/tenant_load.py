"""Tenants that write through a proxy while its rules change, and what of it arrived where."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast
from uuid import UUID

from frame_codec import PROTOCOL_V4, Opcode, Query, QueryParameters, Rows, decode_result
from tests.integration.programs.tenant_rows import ROWS
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess

TABLES = ("orders", "audit")
_PAGE_ROWS = 5000
_PROGRAMS = Path(__file__).parent / "programs"


class Row(NamedTuple):
    """One row that a request wrote."""

    table: str
    tenant: str
    id: int


@dataclass(frozen=True)
class Written:
    """A row, and the Unix times between which the proxy decided about it."""

    row: Row
    way: str
    sent: float
    answered: float


class TenantLoad:
    """The program ``tenant_load.py``, running."""

    def __init__(
        self, proxy: ProxyProcess, keyspace: str, tenants: tuple[str, ...], *, rate: int, root: Path
    ) -> None:
        self.keyspace = keyspace
        self.tenants = tenants
        self._proxy = proxy
        self._root = root
        self._stop = root / f"{keyspace}.stop"
        self._program = DriverProgram(
            _PROGRAMS / "tenant_load.py",
            proxy.address,
            proxy.port,
            keyspace,
            rate,
            str(self._stop),
            *tenants,
            root=root,
        )
        self.more(200)

    def more(self, requests: int) -> None:
        """Wait until the proxy has answered so many more."""
        wanted = self._proxy.count("successful_writes") + requests
        self._proxy.wait_until(
            lambda stats: cast(int, stats["successful_writes"]) >= wanted, 60, what="more writes"
        )

    def end(self) -> list[Written]:
        """Stop it; what it wrote, row by row. All requests must have succeeded."""
        self._stop.touch()
        said = self._program.result(90)["requests"]
        requests = cast("list[tuple[int, str, float, float, str | None]]", said)
        assert [request for request in requests if request[4] is not None] == []
        return [
            Written(Row(table, self.tenants[tenant], number), way, sent, answered)
            for number, way, sent, answered, _ in requests
            for table, tenant in ROWS[way](number)
        ]

    def rows_on(self, node: CassandraNode, ban: Ban | None = None) -> dict[Row, int]:
        """What the node holds of it, with write times; with a ban only the rows that it means."""
        found: dict[Row, int] = {}
        with RawClient(node) as client:
            client.start()
            for table in TABLES:
                if ban is None or table in ban.tables:
                    found.update(self._rows_of(client, table, ""))
                    continue
                for tenant in ban.tenants:
                    found.update(self._rows_of(client, table, f" WHERE tenant = {tenant}"))
        return found

    def _rows_of(self, client: RawClient, table: str, where: str) -> Iterator[tuple[Row, int]]:
        # On raw frames, because it is done while the load runs and takes of the same processors.
        text = f"SELECT tenant, id, writetime(v) FROM {self.keyspace}.{table}{where}"
        page = QueryParameters(page_size=_PAGE_ROWS)
        while True:
            client.request(Query(text, page))
            rows = decode_result(client.expect(Opcode.RESULT, stream=1), PROTOCOL_V4)
            assert isinstance(rows, Rows)
            for tenant, number, written in rows.rows:
                assert tenant is not None
                assert number is not None
                assert written is not None
                row = Row(table, str(UUID(bytes=tenant)), int.from_bytes(number, "big"))
                yield row, int.from_bytes(written, "big")
            if rows.metadata.paging_state is None:
                return
            page = QueryParameters(page_size=_PAGE_ROWS, paging_state=rows.metadata.paging_state)


@dataclass
class Ban:
    """Rows that rules hold back for a while. Unix times; a ban that is not lifted lasts for ever.

    ``tables`` and ``tenants``: a row of any of them is held back.
    """

    tables: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    acknowledged: float = 0.0
    lifting: float = float("inf")
    """When it was asked to lift it."""
    lifted: float = float("inf")
    """When that was acknowledged."""

    def means(self, row: Row) -> bool:
        return row.table in self.tables or row.tenant in self.tenants

    def surely_holds(self, written: Written) -> bool:
        """Whether the decision about a row must have fallen while the ban was in force."""
        return (
            self.means(written.row) and self.acknowledged <= written.sent and written.answered < self.lifting
        )

    def may_hold(self, written: Written) -> bool:
        """Whether the ban may have kept a row: it was in force, or came while the row's copy waited."""
        return self.means(written.row) and written.sent <= self.lifted

    def lift_begins(self) -> None:
        self.lifting = time.time()

    def is_lifted(self) -> None:
        self.lifted = time.time()
