"""All families, in the order in which they are shown and documented."""

from __future__ import annotations

from typing import Final

from cqlproxy.exposition.client_families import CLIENTS
from cqlproxy.exposition.cluster_families import CLUSTERS, SECURITY
from cqlproxy.exposition.copy_families import COPIES
from cqlproxy.exposition.family import Family
from cqlproxy.exposition.host import HOST_FAMILIES
from cqlproxy.exposition.process_families import PROCESS, TRACES
from cqlproxy.exposition.request_families import REQUESTS
from cqlproxy.exposition.table_families import RULES, TABLES, VALIDATION

SECTIONS: Final[tuple[tuple[str, tuple[Family, ...]], ...]] = (
    ("The proxy", PROCESS),
    ("Requests of clients", REQUESTS),
    ("Copies and the journal", COPIES),
    ("Writes by table", TABLES),
    ("Validation", VALIDATION),
    ("Rules", RULES),
    ("Clients", CLIENTS),
    ("Clusters and nodes", CLUSTERS),
    ("Certificates and tokens", SECURITY),
    ("Traces", TRACES),
    ("The process", HOST_FAMILIES),
)

FAMILIES: Final[tuple[Family, ...]] = tuple(family for _, families in SECTIONS for family in families)
"""All of them."""
