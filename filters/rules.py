"""The rules in force: one immutable value, made from a file and replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from filters.patterns import TablePattern, TablePatterns
from filters.tenants import Tenants
from filters.verdict import Reason, Verdict


class OnUnknownTenant(StrEnum):
    """What becomes of a write whose tenant cannot be known from the request."""

    MIRROR = "mirror"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What is held back; without arguments, nothing. Compared by identity: a reload makes another."""

    tenants: Tenants = field(default_factory=Tenants)
    tables: TablePatterns = field(default_factory=TablePatterns)
    """The blacklist."""
    whitelist: TablePatterns | None = None
    """When there is one, only what it names is copied, and of that not what the blacklist names."""
    tenant_columns: frozenset[str] = frozenset()
    """Names as CQL reads them: lower case unless quoted in the file."""
    tenant_columns_by_table: tuple[tuple[TablePattern, frozenset[str]], ...] = ()
    """Instead of ``tenant_columns``: the columns of the first pattern that means the table."""
    on_unknown_tenant: OnUnknownTenant | None = None
    """None: a write without a tenant column is copied, one whose value only the server knows is not."""
    enforce: bool = True
    """Otherwise all is copied, and verdicts say what would have been held back."""
    reload_interval_secs: float = 60.0
    path: Path | None = None
    """The file that the rules come from."""
    content_hash: str = ""
    """SHA-256 of the file's bytes, in hexadecimal digits."""
    loaded_at: float | None = None
    """When the file was read, in seconds since the epoch, if the caller said so."""

    def tenant_columns_of(self, keyspace: str | None, table: str) -> frozenset[str]:
        """The tenant columns in force for a table.

        Of a table whose keyspace is not known (None), those that it has in any keyspace.
        """
        columns: frozenset[str] = frozenset()
        for pattern, of_pattern in self.tenant_columns_by_table:
            if keyspace is not None:
                if pattern.matches(keyspace, table):
                    return of_pattern
            elif pattern.table.matches(table):
                columns |= of_pattern
                if pattern.any_keyspace:
                    return columns
        return columns | self.tenant_columns

    def of_absent_tenant(self, columns: frozenset[str]) -> Verdict | None:
        """Why a write that gives none of its table's tenant columns a value is held back; None: it is not."""
        if self.on_unknown_tenant is not OnUnknownTenant.HOLD or not columns:
            return None
        return Verdict(False, Reason.TENANT_UNKNOWN, ", ".join(sorted(columns)))

    def of_unreadable_tenant(self, where: str) -> Verdict:
        """What becomes of a write that gives a tenant column a value that the request does not tell.

        ``where`` is the column, or ``JSON``. The verdict says that the tenant is not known, copied or not.
        """
        return Verdict(self.on_unknown_tenant is OnUnknownTenant.MIRROR, Reason.TENANT_UNKNOWN, where)

    def summary(self) -> dict[str, object]:
        """What an operator wants to know of the rules in force, as JSON types; tenants only by number."""
        return {
            "path": None if self.path is None else str(self.path),
            "content_hash": self.content_hash,
            "loaded_at": self.loaded_at,
            "reload_interval_secs": self.reload_interval_secs,
            "enforce": self.enforce,
            "tenants": len(self.tenants.values),
            "tenant_columns": sorted(self.tenant_columns),
            "tenant_columns_by_table": {
                pattern.text: sorted(columns) for pattern, columns in self.tenant_columns_by_table
            },
            "on_unknown_tenant": None if self.on_unknown_tenant is None else self.on_unknown_tenant.value,
            "table_blacklist": [pattern.text for pattern in self.tables.patterns],
            "table_whitelist": (
                None if self.whitelist is None else [pattern.text for pattern in self.whitelist.patterns]
            ),
        }
