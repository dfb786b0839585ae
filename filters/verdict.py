"""What the governor says about a write."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Reason(StrEnum):
    """Why a write is copied or held back; the values are those of the metrics' labels."""

    ALLOWED = "allowed"
    TABLE = "table"
    """The table is in ``table_blacklist``."""
    NOT_LISTED = "not_listed"
    """There is a ``table_whitelist``, and the table is not in it."""
    TENANT = "tenant"
    """The tenant is in ``tenant_blacklist``."""
    SYSTEM = "system"
    """The keyspace is the cluster's own: what stands in it means nothing to another cluster."""
    KEYSPACE_UNKNOWN = "keyspace_unknown"
    """Whether a pattern of tables means this one depends on its keyspace, which is not known."""
    TENANT_UNKNOWN = "tenant_unknown"
    """The tenant cannot be known from the request: see ``on_unknown_tenant``."""


class Verdict(NamedTuple):
    """Whether a write is copied, and why; ``detail`` is the rule or column that decided, empty if none."""

    copy: bool
    reason: Reason
    detail: str
    would_hold: bool = False
    """It is copied only because the rules are not enforced; they would hold it back."""

    def unenforced(self) -> Verdict:
        """The same under rules that are not enforced; the cluster's own keyspaces are still never copied."""
        if self.copy or self.reason is Reason.SYSTEM:
            return self
        return Verdict(True, self.reason, self.detail, would_hold=True)


ALLOWED: Final = Verdict(True, Reason.ALLOWED, "")
"""No rule holds it back. Always this object, so that callers may compare by identity."""
