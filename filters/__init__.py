"""Rules by tenant and by table, and the governor's decision what is copied. Imports nothing of cqlproxy."""

from filters.document import RulesError
from filters.governor import Governor, TableScope
from filters.patterns import TablePattern, TablePatterns, table_pattern
from filters.rules import OnUnknownTenant, Rules
from filters.rules_file import load_rules
from filters.scope import Scope, ValueOf
from filters.sources import JsonSource, LiteralSource, MarkerSource, TenantSource, UnknownSource
from filters.tenants import Tenants
from filters.verdict import ALLOWED, Reason, Verdict
from filters.watcher import RulesWatcher

__all__ = [
    "ALLOWED",
    "Governor",
    "JsonSource",
    "LiteralSource",
    "MarkerSource",
    "OnUnknownTenant",
    "Reason",
    "Rules",
    "RulesError",
    "RulesWatcher",
    "Scope",
    "TablePattern",
    "TablePatterns",
    "TableScope",
    "TenantSource",
    "Tenants",
    "UnknownSource",
    "ValueOf",
    "Verdict",
    "load_rules",
    "table_pattern",
]
