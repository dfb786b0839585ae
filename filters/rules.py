"""The rules in force: one immutable value, made from a file and replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from filters.patterns import TablePatterns
from filters.tenants import Tenants


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What is held back; without arguments, nothing. Compared by identity: a reload makes another."""

    tenants: Tenants = field(default_factory=Tenants)
    tables: TablePatterns = field(default_factory=TablePatterns)
    tenant_columns: frozenset[str] = frozenset()
    """Names as CQL reads them: lower case unless quoted in the file."""
    reload_interval_secs: float = 60.0
    path: Path | None = None
    """The file that the rules come from."""
    content_hash: str = ""
    """SHA-256 of the file's bytes, in hexadecimal digits."""
    loaded_at: float | None = None
    """When the file was read, in seconds since the epoch, if the caller said so."""
