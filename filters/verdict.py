"""What the governor says about a write. All verdicts are made when the rules are, none per write."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Reason(StrEnum):
    """Why a write is copied or held back; the values are those of the metrics' labels."""

    ALLOWED = "allowed"
    TABLE = "table"
    """The table is in ``table_blacklist``."""
    TENANT = "tenant"
    """The tenant is in ``tenant_blacklist``."""
    SYSTEM = "system"
    """The keyspace is the cluster's own: what stands in it means nothing to another cluster."""
    KEYSPACE_UNKNOWN = "keyspace_unknown"
    """A pattern of ``table_blacklist`` may mean this table, but its keyspace is not known."""
    TENANT_UNKNOWN = "tenant_unknown"
    """A tenant column has a value that cannot be known from the request, such as a function call."""


class Verdict(NamedTuple):
    """Whether a write is copied, and why; ``detail`` is the rule or column that decided, empty if none."""

    copy: bool
    reason: Reason
    detail: str


ALLOWED: Final = Verdict(True, Reason.ALLOWED, "")
